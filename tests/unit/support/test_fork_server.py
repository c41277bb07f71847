"""A program that is forked from the server sees and does what a new interpreter would."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.support import fork_server
from tests.support.waiting import join_threads

#: What a program can see of how it was started.
PROBE = """
import json, os, resource, signal, sys, tempfile, threading, time
main = sys.modules["__main__"]
seen = {
    "argv": sys.argv,
    "path": sys.path,
    "main": [__name__, getattr(main, "__file__", None), str(getattr(main.__spec__, "name", None)), seen_here()],
    "cwd": os.getcwd(),
    "environment": dict(os.environ),
    "parent": os.getppid(),
    "session": [os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid()],
    "handlers": {sign.name: str(signal.getsignal(sign)) for sign in signal.valid_signals() if hasattr(sign, "name")},
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "umask": os.umask(0),
    "limits": [resource.getrlimit(getattr(resource, name)) for name in ("RLIMIT_NOFILE", "RLIMIT_AS", "RLIMIT_CORE")],
    "descriptors": len(os.listdir("/proc/self/fd")),
    "threads": [thread.name for thread in threading.enumerate()],
    "streams": [
        [stream.encoding, stream.errors, stream.line_buffering, stream.write_through, stream.fileno(), stream.mode]
        for stream in (sys.stdin, sys.stdout, sys.stderr)
    ],
    "input": sys.stdin.read(),
    "zone": time.tzname,
    "temporary": tempfile.gettempdir(),
    "flags": str(sys.flags),
    "project": [name for name in sys.modules if name.partition(".")[0] in ("eventshop", "orders", "tests")],
}
print(json.dumps(seen))
sys.stderr.write("to stderr\\n")
""".replace("seen_here()", "__builtins__ is not None")


@pytest.fixture
def probe(tmp_path: Path) -> Path:
    (tmp_path / "probe.py").write_text(PROBE)
    return tmp_path


def run(*words: str, forked: bool, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program; with `executable`, `Popen` is not asked for what a fork can do."""
    options |= {"executable": None if forked else sys.executable, "capture_output": True, "text": True, "check": False}
    return subprocess.run([sys.executable, *words], **options)


@pytest.mark.parametrize(
    "words", [("probe.py", "a", "-b"), ("-m", "probe", "a"), ("-c", PROBE, "a")], ids=["file", "-m", "-c"]
)
@pytest.mark.parametrize(
    ("options", "env"),
    [
        ({}, {}),
        ({"input": "some text", "umask": 0o027}, {"PYTHONUNBUFFERED": "1", "TZ": "Asia/Tokyo", "TMPDIR": "/var/tmp"}),
        ({"start_new_session": True}, {"DJANGO_SETTINGS_MODULE": "nowhere"}),
    ],
    ids=["plain", "input", "session"],
)
def test_a_forked_program_sees_what_a_new_one_sees(
    probe: Path, words: tuple[str, ...], options: dict[str, Any], env: dict[str, str]
) -> None:
    options = {"cwd": probe, "env": os.environ | env, "input": ""} | options
    forked, new = (run(*words, forked=forked, **options) for forked in (True, False))
    assert (forked.returncode, forked.stderr) == (0, "to stderr\n"), forked.stderr
    assert json.loads(forked.stdout) == json.loads(new.stdout)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("import sys; sys.exit(3)", 3),
        ("import sys; sys.exit('refused')", 1),
        ("import atexit; atexit.register(print, 'at the end')", 0),
        ("import threading; threading.Thread(target=lambda: print('in a thread')).start()", 0),
        ("import os; os._exit(7)", 7),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
        ("raise KeyboardInterrupt", -signal.SIGINT),
    ],
)
def test_it_ends_as_a_new_one_ends(code: str, status: int) -> None:
    forked, new = (run("-c", code, forked=forked) for forked in (True, False))
    assert (forked.returncode, forked.stdout) == (status, new.stdout)
    assert forked.returncode == new.returncode
    assert forked.stderr.splitlines()[-1:] == new.stderr.splitlines()[-1:]


def test_it_is_killed_as_any_child() -> None:
    sleeping = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(3600)"]
    with subprocess.Popen(sleeping, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout and process.stdout.readline() == "up\n"
        assert (os.getpgid(process.pid), process.poll()) == (process.pid, None)
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL


def test_many_threads_start_programs_at_once() -> None:
    answers: dict[int, str] = {}

    def start(number: int) -> None:
        answers[number] = run("-c", f"print({number})", forked=True).stdout

    threads = [threading.Thread(target=start, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    join_threads(*threads)
    assert answers == {number: f"{number}\n" for number in range(8)}


@pytest.mark.parametrize("name", ["PYTHONHASHSEED", "LD_PRELOAD", "LANG"])
def test_what_an_interpreter_reads_when_it_starts_starts_one(name: str) -> None:
    """Other libraries are loaded in a new interpreter only when they are asked for."""
    code, value = "import sys; print('django' in sys.modules)", {"PYTHONHASHSEED": "7"}.get(name, "")
    assert run("-c", code, forked=True).stdout == "True\n"
    assert run("-c", code, forked=True, env=os.environ | {name: value}).stdout == "False\n"
    assert run("-I", "-c", code, forked=True).stdout == "False\n"


def test_while_coverage_is_measured_programs_are_measured_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COV_CORE_SOURCE", "")
    with fork_server.fork_programs():
        assert run("-c", "import sys; print('django' in sys.modules)", forked=True).stdout == "False\n"
