"""A web server process: the application under gunicorn, started as it is deployed."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from socket import socket
from typing import NamedTuple

from honcho.environ import parse_procfile

from tests.support.processes import ROOT, python_process
from tests.support.waiting import DEADLINE_S, wait_for_exit, wait_until

#: The command of `make run`; only the address is replaced.
COMMAND = shlex.split(parse_procfile((ROOT / "Procfile").read_text()).processes["web"])


class WebServer(NamedTuple):
    """Gunicorn and its workers."""

    address: str
    process: subprocess.Popen[bytes]
    log: Path

    def stop(self) -> int:
        """Stop it with SIGTERM, as a supervisor does; returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return wait_for_exit(self.process, log=self.log)


@contextmanager
def gunicorn(
    database_url: str, folder: Path, *, workers: int = 1, env: Mapping[str, str] | None = None
) -> Iterator[WebServer]:
    """Run gunicorn with this database on a free port for the duration of the block."""
    port, log = free_port(), folder / "gunicorn.log"
    options = dict(zip(COMMAND[2::2], COMMAND[3::2], strict=True))
    options |= {"--bind": f"127.0.0.1:{port}", "--workers": str(workers), "--log-level": "info"}
    # Gunicorn kills no worker that a busy machine delays, and cuts off no request.
    options |= {"--timeout": f"{DEADLINE_S:.0f}", "--graceful-timeout": f"{2 * DEADLINE_S:.0f}"}
    arguments = [word for pair in options.items() for word in pair]
    address = f"http://127.0.0.1:{port}"
    with python_process(
        # Not as a module: a second generation would find gunicorn's `http` instead of Python's.
        *(str(Path(sys.executable).with_name(COMMAND[0])), COMMAND[1], *arguments),
        env={"DATABASE_URL": database_url, **(env or {})},
        log=log,
    ) as process:
        wait_until(lambda: process.poll() is not None or is_healthy(address), seen=log)
        assert process.poll() is None, log.read_text()
        yield WebServer(address, process, log)
        if process.poll() is None:
            process.terminate()
            wait_for_exit(process, log=log)


def free_port() -> int:
    with closing(socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_healthy(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/healthz", timeout=DEADLINE_S) as response:
            return bool(response.status == 200)
    except OSError:
        return False
