"""One heartbeat for each worker process: it tells the others, and health, how its threads are."""

from __future__ import annotations

import logging
import os
import tomllib
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Event as Signal
from threading import Lock, Thread, current_thread
from typing import Final

from django.conf import settings
from django.db.models.functions import Now

from eventshop.runtime.connections import close_connections, release_connections
from eventshop.runtime.database_clock import clock_ahead_s
from eventshop.runtime.heartbeats import record_heartbeat
from eventshop.runtime.models import WorkerProcess
from eventshop.runtime.process_name import process_name
from eventshop.runtime.supervised_threads import SupervisedThread

log = logging.getLogger(__name__)

INTERVAL_S: Final = 5.0
#: A process without a heartbeat for this long counts as silent.
SILENT_AFTER: Final = timedelta(seconds=20)

_lock: Final = Lock()
_threads: Final[list[SupervisedThread]] = []
_changed: Final = Signal()
_heartbeat: Thread | None = None


def report(threads: Iterable[SupervisedThread]) -> None:
    """Report these threads from now on, with all others of this process."""
    global _heartbeat
    with _lock:
        _threads.extend(threads)
        if _heartbeat is None and _threads:
            _heartbeat = Thread(target=_run, name="process-heartbeat", daemon=True)
            _heartbeat.start()
    _changed.set()


def withdraw(threads: Iterable[SupervisedThread], timeout_s: float) -> None:
    """Report these threads no more. Without any thread the process is no worker: its row is deleted."""
    global _heartbeat
    gone = set(threads)
    with _lock:
        _threads[:] = [thread for thread in _threads if thread not in gone]
        heartbeat = None if _threads else _heartbeat
        if heartbeat is not None:
            _heartbeat = None
    _changed.set()
    if heartbeat is not None:
        heartbeat.join(timeout_s)


def _run() -> None:
    is_first = True
    while True:
        _changed.clear()
        with _lock:
            is_current = _heartbeat is current_thread()
            states = {thread.name: thread.state() for thread in _threads} if is_current else {}
        try:
            if states:
                started = {"started_at": Now()}
                record_heartbeat(
                    WorkerProcess.objects.all(),
                    process_name(),
                    SILENT_AFTER,
                    on_create=started,
                    threads=states,
                    version=_program_version(),
                    memory_mb=_memory_mb(),
                    clock_ahead_s=clock_ahead_s(),
                )
                if is_first:
                    _delete_dead_predecessors()
                    is_first = False
                release_connections()
            else:
                WorkerProcess.objects.filter(owner=process_name()).delete()
                close_connections()
        except Exception as error:  # the next heartbeat tries again; until then this process counts as silent
            log.warning("The heartbeat of this process failed: %s", error)
            close_connections()
        if not states:
            return
        _changed.wait(INTERVAL_S)


def _delete_dead_predecessors() -> None:
    """Delete the rows of processes of this host that have ended: this one was started in the place of one of them.

    A live process in another container with the same host name writes its row again with its next heartbeat.
    """
    host, own_pid, _ = process_name().rsplit(":", 2)
    for owner in WorkerProcess.objects.filter(owner__startswith=f"{host}:").values_list("owner", flat=True):
        pid = owner.split(":")[-2]
        if pid != own_pid and not _is_running(int(pid)):
            WorkerProcess.objects.filter(owner=owner).delete()


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


@cache
def _program_version() -> str:
    try:
        return version("eventshop")[:40]
    except PackageNotFoundError:  # it runs from a checkout that is not installed
        with suppress(OSError, LookupError, ValueError):
            project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]
            return str(project["version"])[:40]
        return ""


def _memory_mb() -> int | None:
    """The resident memory of this process; None where the system does not tell it (it is no Linux)."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20
