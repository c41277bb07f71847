"""`reload`: replace the programs by those of the present code, one after the other, without refusing a request.

Workers first: what the new web server writes, new workers can read. Old and new programs run side by side meanwhile.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg

from deploy.stack.errors import StackError
from deploy.stack.processes import Process, process_identity, stat_fields, wait_until_ready


def replace_program(process: Process, supervisor: Process, is_ready: Callable[[int], bool]) -> None:
    """End a program that the supervisor starts again; wait until the new one is ready. Raises StackError."""
    before = process.pid
    process.send_signal(signal.SIGTERM)
    wait_until_ready([supervisor], lambda: process.pid not in (None, before))
    wait_until_ready([process], lambda: is_ready(process.pid or 0))


def replace_web(web: Process) -> None:
    """Replace gunicorn by a new generation on the same socket (`eventshop/gunicorn_settings.py`). Raises StackError."""
    before = web.pid
    if before is None:
        raise StackError("web is not running; start it with: python -m deploy.stack up")
    web.send_signal(signal.SIGUSR2)
    wait_until_ready([web], lambda: next_generation(before))
    web.record(next_generation(before) or before)  # before the former ends: the supervisor would start another one
    try:
        wait_until_ready([web], lambda: process_identity(before) is None)
    except StackError:
        web.record(before)
        raise


def is_folding(database_url: str, pid: int) -> bool:
    """Whether a worker with this process id has said that it runs projections."""
    with psycopg.connect(database_url) as connection:
        found = connection.execute("SELECT 1 FROM projections_worker WHERE owner LIKE %s", [f"%:{pid}:%"])
        return found.fetchone() is not None


def next_generation(master: int) -> int | None:
    """The process that a master of gunicorn has started to replace it; None if there is none (yet)."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            is_told = f"GUNICORN_PID={master}\0".encode() in (folder / "environ").read_bytes()
            if is_told and int(stat_fields(folder.name)[1]) == master:
                return int(folder.name)
    return None
