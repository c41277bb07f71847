"""Python programs that tests start are forked from a process that has imported the libraries already.

A program of EventShop spends seconds of a processor on imports, and a run of the tests starts hundreds. Under
`fork_programs()`, `subprocess` starts `python manage.py …`, `python -m …` and `python -c …` so. Whatever else it is
asked for starts as before, also what an interpreter or the loader would read differently in its environment.

The server has no threads, knows nothing of EventShop and its settings, and forks *siblings* (`CLONE_PARENT`): a child
is one of the process that asked, which waits for it and kills it as any other. Linux only.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import importlib
import inspect
import io
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

#: The number of the system call `clone` by machine; on others every program is a new Python.
CLONE: Final = {"x86_64": 56, "aarch64": 220}
CLONE_PARENT: Final = 0x8000
#: Beginnings of environment variables that an interpreter, the C library and the loader read when they start.
READ_AT_START: Final = ("PYTHON", "LD_", "LC_", "LANG", "MALLOC_", "GLIBC_")
#: With these, an interpreter begins to measure coverage when it starts.
MEASURED: Final = ("COV_", "COVERAGE_")
#: Of these, what a forked program follows as well.
FOLLOWED: Final = {"PYTHONUNBUFFERED"}
#: What takes long to import and reads no settings.
LIBRARIES: Final = (
    "celery.bin.celery",
    "celery.bin.worker",
    "celery.bin.beat",
    "celery.concurrency.thread",
    "celery.worker.components",
    "celery.worker.strategy",
    "celery.app.amqp",
    "celery.app.control",
    "celery.app.events",
    "celery.app.log",
    "kombu.transport.filesystem",
    "kombu.transport.redis",
    "django.core.mail",
    "django.core.management.commands.migrate",
    "django.contrib.admin.views.main",
    "django.contrib.auth.hashers",
    "django.contrib.postgres.fields",
    "django.db.backends.postgresql.base",
    "django.db.backends.sqlite3.base",
    "django.forms",
    "django.template.loaders.app_directories",
    "django.views.debug",
    "django.views.generic",
    "django_filters.rest_framework",
    "rest_framework.serializers",
    "psycopg_pool",
    "kafka.admin",
    "avro.compatibility",
    "fastavro",
    "crc32c",
    "lz4.frame",
    "zstandard",
    "cryptography.fernet",
    "cryptography.x509",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
    "cryptography.hazmat.primitives.ciphers.aead",
    "rfc3161_client",
    "standardwebhooks",
    "webauthn",
    "httpx",
    "requests",
    "msgspec",
    "uuid_utils",
    "environ",
    "rich.progress",
    "rich.table",
    "tenacity",
    "zxcvbn",
    "segno",
    "jinja2",
    "jsonschema",
    "inflection",
    "gunicorn.app.wsgiapp",
    "gunicorn.workers.gthread",
    "honcho.manager",
    "prometheus_client",
    "opentelemetry.trace",
    "multiprocessing.pool",
    "concurrent.futures.thread",
    "wsgiref.simple_server",
)
#: The ends of pipes, as `Popen` closes those that belong to the child.
PIPES: Final = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")


@contextmanager
def fork_programs() -> Iterator[None]:
    """Fork the Python programs that this process starts, for the duration of the block."""
    popen: Any = subprocess.Popen
    new_program = popen._execute_child
    signature = inspect.signature(new_program)
    server = _Server()

    @functools.wraps(new_program)
    def execute_child(self: Any, *given: Any) -> None:
        asked = signature.bind(self, *given).arguments
        if not server.can_start(asked):
            new_program(self, *given)
            return
        self.pid = server.start(asked)
        self._child_created = True
        self._close_pipe_fds(*(asked[name] for name in PIPES))

    popen._execute_child = execute_child
    try:
        yield
    finally:
        popen._execute_child = new_program
        server.stop()


class _Server:
    """The side of the process that asks; the server starts with the first program."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = _read_at_start(os.environ)

    def can_start(self, asked: Mapping[str, Any]) -> bool:
        """Whether a fork does the same as a new interpreter."""
        args, special = asked["args"], ("executable", "preexec_fn", "pass_fds", "shell", "gid", "gids", "uid")
        environment: Mapping[str, str] = os.environ if asked["env"] is None else asked["env"]
        return (
            sys.platform == "linux"
            and os.uname().machine in CLONE
            and isinstance(args, list | tuple)
            and len(args) > 1
            and args[0] == sys.executable
            and all(isinstance(word, str) for word in args)
            and (args[1] in ("-c", "-m") or not args[1].startswith("-"))
            and not any(asked[name] for name in special)
            and os.path.isdir(asked["cwd"] or ".")
            and not any(name.startswith(MEASURED) for name in environment)
            and _read_at_start(environment) == self._environment
        )

    def start(self, asked: Mapping[str, Any]) -> int:
        """Start a program as `Popen` was asked to; returns its process id."""
        names = ("args", "umask", "start_new_session", "process_group")
        request = {name: asked[name] for name in names if name in asked} | {
            "cwd": os.path.abspath(asked["cwd"] or "."),
            "env": dict(os.environ if asked["env"] is None else asked["env"]),
        }
        streams = [asked[name] for name in ("p2cread", "c2pwrite", "errwrite")]
        with tempfile.TemporaryFile("w+") as file, self._lock:
            json.dump(request, file)
            file.seek(0)
            if self._control is None:
                self._control = self._launch()
            descriptors = [number if stream == -1 else stream for number, stream in enumerate(streams)]
            socket.send_fds(self._control, [b"?"], [file.fileno(), *descriptors])
            answer = self._control.recv(4)
        assert answer, "the fork server has ended"
        return int.from_bytes(answer, "big")

    def stop(self) -> None:
        if self._control and self._process:
            self._control.close()
            self._process.wait()

    def _launch(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                env=environment,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        return ours


def _read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value for name, value in environment.items() if name.startswith(READ_AT_START) and name not in FOLLOWED
    }


def _serve(control: socket.socket) -> list[int]:
    """Answer requests; returns in each child, with the descriptors of its request. The server itself ends here."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests and their programs
    sys.path[0] = os.path.dirname(os.__file__)  # not this folder: its modules are no libraries
    for name in LIBRARIES:
        importlib.import_module(name)
    assert len(os.listdir("/proc/self/task")) == 1, "a library has started a thread"
    gc.collect()
    gc.freeze()
    while True:
        message, descriptors, *_ = socket.recv_fds(control, 1, 4)
        if not message:
            sys.exit()
        pid = _fork_sibling()
        if pid == 0:
            control.close()
            return descriptors
        for descriptor in descriptors:
            os.close(descriptor)
        control.send(pid.to_bytes(4, "big"))


def _fork_sibling() -> int:
    """As `os.fork()`, but the child's parent is this process's."""
    python, number = ctypes.pythonapi, CLONE[os.uname().machine]
    clone = ctypes.PyDLL(None).syscall  # keeps Python's lock, which the child could not take again
    python.PyOS_BeforeFork()
    pid: int = clone(number, CLONE_PARENT | signal.SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        python.PyOS_AfterFork_Child()
    else:
        python.PyOS_AfterFork_Parent()
    assert pid >= 0
    return pid


def _become(request: Mapping[str, Any], streams: list[int]) -> None:
    """Take over what the program was asked to have."""
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if request["start_new_session"]:
        os.setsid()
    if request.get("process_group", -1) >= 0:
        os.setpgid(0, request["process_group"])
    if request["umask"] >= 0:
        os.umask(request["umask"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    os.chdir(request["cwd"])
    unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        servers, raw = getattr(sys, name), io.FileIO(number, mode, closefd=False)
        buffer: Any = io.BufferedReader(raw) if number == 0 else raw if unbuffered else io.BufferedWriter(raw)
        stream: Any = io.TextIOWrapper(
            buffer,
            encoding=servers.encoding,
            errors=servers.errors,
            line_buffering=not unbuffered and (number == 2 or os.isatty(number)),
            write_through=unbuffered,
        )
        stream.mode = mode
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    tempfile.tempdir = None  # of the environment before
    importlib.invalidate_caches()


def _run(words: list[str]) -> None:
    """Run a program as `python WORDS` does."""
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    option, *rest = words
    if option == "-m":
        sys.path[0], sys.argv = os.getcwd(), ["-m", *rest[1:]]
        runpy._run_module_as_main(rest[0])  # type: ignore[attr-defined]
        return
    if option == "-c":
        sys.path[0], sys.argv, source, file = "", ["-c", *rest[1:]], rest[0], "<string>"
    else:
        sys.path[0], sys.argv, file = os.path.dirname(os.path.abspath(option)), words, option
        source = Path(option).read_text()
        main.__file__ = os.path.abspath(option)
    exec(compile(source, file, "exec", dont_inherit=True), main.__dict__)  # noqa: S102


if __name__ == "__main__":
    _request, *_streams = _serve(socket.socket(fileno=int(sys.argv[1])))
    with open(_request) as _file:
        _asked = json.load(_file)
    _become(_asked, _streams)
    _run(_asked["args"][1:])
