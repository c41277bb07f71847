"""The health of worker processes and their threads, for the console and for `/readyz`."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.db.models.functions import Now

from eventshop.operations.health_checks import ComponentHealth
from eventshop.runtime.database_clock import clock_ahead_s
from eventshop.runtime.models import WorkerProcess
from eventshop.runtime.process_heartbeat import SILENT_AFTER

#: A thread that was started again within this many seconds is reported.
RECENT_RESTART_S: Final = 60.0
#: A clock that is so many seconds away from the database's is reported.
CLOCK_LIMIT_S: Final = 5.0


def worker_processes() -> QuerySet[WorkerProcess]:
    """All worker processes; each has `is_silent`: whether its heartbeat has stopped."""
    is_silent = ExpressionWrapper(Q(seen_at__lt=Now() - SILENT_AFTER), output_field=BooleanField())
    return WorkerProcess.objects.annotate(is_silent=is_silent).order_by("owner")


def problems_of(process: Any) -> list[str]:
    """What is wrong with a process of `worker_processes()`, in words; empty if nothing is."""
    if process.is_silent:
        return ["silent"]
    return [
        f"{name} {problem}" for name, state in sorted(process.threads.items()) if (problem := _problem_of_thread(state))
    ]


def check_workers() -> ComponentHealth:
    """Whether every worker process sends heartbeats and all its threads run. Having none is no fault of theirs."""
    processes = list(worker_processes())
    problems = [f"{process.owner}: {', '.join(found)}" for process in processes if (found := problems_of(process))]
    return ComponentHealth("workers", not problems, "; ".join([f"{len(processes)} processes", *problems]))


def check_clocks() -> ComponentHealth:
    """Whether the clocks of this process and of the workers are near the database's. Nothing waits for a wrong one."""
    ahead = {process.owner: process.clock_ahead_s for process in worker_processes()}
    ahead["this process"] = clock_ahead_s()
    wrong = [f"{owner}: {seconds:+,.0f} s" for owner, seconds in ahead.items() if abs(seconds) > CLOCK_LIMIT_S]
    return ComponentHealth("clocks", not wrong, "; ".join(wrong) or "as the database's", is_failing=False)


def _problem_of_thread(state: dict[str, Any]) -> str:
    if not state["alive"]:
        return f"is not running ({state['last_error']})" if state["last_error"] else "is not running"
    restarted_s_ago = state["restarted_s_ago"]
    if restarted_s_ago is not None and restarted_s_ago < RECENT_RESTART_S:
        return f"was started again ({state['last_error']})"
    return ""
