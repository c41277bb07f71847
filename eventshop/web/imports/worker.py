"""The import thread of a worker: it is woken by requested jobs, and takes up those of workers that died."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event as Signal

from eventshop.runtime.connections import release_connections
from eventshop.runtime.wake_signals import Channel, Waiter, poll_interval_s
from eventshop.runtime.worker_loop import run_rounds
from eventshop.runtime.worker_threads import WorkerThreadsStep
from eventshop.web.imports import import_jobs


def run_imports(stop: Signal) -> None:
    """Carry out requested imports until stopped, one after the other; one that is under way goes on elsewhere."""
    waiter = Waiter(Channel.IMPORTS)

    def run_round(failures: int) -> None:
        waiter.wait(0)
        for job in import_jobs.pending_jobs():
            if not stop.is_set():
                import_jobs.run(job, stop)
        release_connections()
        waiter.wait(poll_interval_s())

    run_rounds("imports", run_round, stop)
    waiter.close()


class ImportBootstep(WorkerThreadsStep):
    """Imports files from every Celery worker; each job is leased by one of them."""

    def thread_targets(self) -> Iterator[tuple[str, Callable[[Signal], None]]]:
        yield "imports", run_imports
