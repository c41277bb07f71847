"""How gunicorn serves EventShop: `gunicorn eventshop.wsgi --config eventshop/gunicorn_settings.py`.

SIGUSR2 to the master process replaces the program without refusing a request. Gunicorn starts a second generation on
the same listening socket; once all of its processes have loaded the program, it ends the first with SIGTERM, which
answers what it has accepted and closes the live streams, whose pages connect again. If the second generation cannot
start, or the database lacks its migrations, it ends, and the first goes on.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import tempfile
from multiprocessing import Value
from typing import Any

from django.conf import settings

from eventshop.runtime.log_lines import log_uncaught_errors

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eventshop.settings")

worker_class = "eventshop.runtime.buffering_worker.BufferingWorker"
workers = 2
threads = 8
#: Seconds in which accepted requests are answered after SIGTERM. A request waits for its read model for at most ten.
graceful_timeout = 12
control_socket_disable = True
#: The master logs as the program does, also before a worker has loaded it.
logconfig_dict = settings.LOGGING

log = logging.getLogger("eventshop.gunicorn_settings")  # gunicorn loads this file under another name

#: The master process that this generation replaces; 0: there is none.
_former = os.getppid() if os.environ.get("GUNICORN_PID") == str(os.getppid()) else 0
#: Processes of this generation that have loaded the program, as its master and all of them see it.
_loaded = Value("i", 0)


def on_starting(server: Any) -> None:
    """Called in the master before it starts processes: they count for `/metrics` in a folder of this generation."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="eventshop-metrics-")


def child_exit(server: Any, worker: Any) -> None:
    """Called in the master when a process has ended: its open connections count no more."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: Any) -> None:
    """Called in the master when it ends."""
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


def when_ready(server: Any) -> None:
    """Called in the master process once it listens."""
    log.info("listening at %s", ", ".join(map(str, server.LISTENERS)))


def post_worker_init(worker: Any) -> None:
    """Called in each process once it has loaded the program; an exception ends this generation."""
    log_uncaught_errors()
    from eventshop.operations.history.request_tallies import start_writing

    start_writing()
    if not _former:
        return
    _refuse_missing_migrations()
    with _loaded:
        _loaded.value += 1
        is_complete = _loaded.value == worker.cfg.workers
    if is_complete:
        log.info("ready; ending the former generation, process %s", _former)
        os.kill(_former, signal.SIGTERM)


def _refuse_missing_migrations() -> None:
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    connection.close()
    if missing:
        raise RuntimeError(f"run `manage.py migrate` first: {', '.join(str(migration) for migration, _ in missing)}")
