"""Worker processes: since when each runs, and how its threads are."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from eventshop.admin_console.formatting import EMPTY_VALUE, datetime_html, field_label
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.row_page import Table, section, show_value
from eventshop.admin_console.unfold_adapter import display
from eventshop.operations.access_log.declarations import NotLogged
from eventshop.operations.worker_health import problems_of, worker_processes
from eventshop.projections.models import Checkpoint
from eventshop.runtime.leases import is_unleased
from eventshop.runtime.models import WorkerProcess


@admin.register(WorkerProcess)
class WorkerProcessAdmin(ReadOnlyAdmin):
    access = NotLogged("processes and their threads")
    empty_message = "No worker runs. Commands are accepted; projections and sagas catch up once one is started."
    list_display = (
        "owner",
        "state",
        "version",
        "memory",
        "thread_count",
        "partitions",
        "restarts",
        "started",
        "heartbeat",
        "problems",
    )
    search_fields = ("owner",)
    ordering = ("owner",)
    fieldsets = (
        section("Worker", "owner", "state", "problems", "version", "memory"),
        section("Times", "started_at", "seen_at"),
        section("Its partitions", "partitions", "leased"),
    )

    def detail_context(self, request: HttpRequest, obj: WorkerProcess) -> dict[str, Any]:
        names = sorted({name for state in obj.threads.values() for name in state})
        rows = [
            (thread, *(show_value(state.get(name)) for name in names)) for thread, state in sorted(obj.threads.items())
        ]
        table = Table("Its threads", ("Thread", *map(field_label, names)), rows, "It has no threads.")
        return {"title": f"Worker {obj.owner}", "tables": [table]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[WorkerProcess]:
        return worker_processes()

    @display(description="State", label={"silent": "danger", "degraded": "warning", "running": "success"})
    def state(self, row: WorkerProcess) -> str:
        found = problems_of(row)
        return "silent" if found == ["silent"] else "degraded" if found else "running"

    @display(description="Threads")
    def thread_count(self, row: WorkerProcess) -> int:
        return len(row.threads)

    @display(description="Restarts")
    def restarts(self, row: WorkerProcess) -> int:
        return sum(state["restarts"] for state in row.threads.values())

    @display(description="Started", ordering="started_at")
    def started(self, row: WorkerProcess) -> str:
        return datetime_html(row.started_at)

    @display(description="Heartbeat", ordering="seen_at")
    def heartbeat(self, row: WorkerProcess) -> str:
        return datetime_html(row.seen_at)

    @display(description="Problems")
    def problems(self, row: WorkerProcess) -> str:
        return "; ".join(problems_of(row)) or "none"

    @display(description="Memory")
    def memory(self, row: WorkerProcess) -> str:
        return EMPTY_VALUE if row.memory_mb is None else f"{row.memory_mb:,} MB"

    @display(description="Partitions")
    def partitions(self, row: WorkerProcess) -> int:
        """How many partitions of projections it has leased."""
        return Checkpoint.objects.filter(~is_unleased(), owner=row.owner).count()

    @display(description="Leased")
    def leased(self, row: WorkerProcess) -> str:
        rows = Checkpoint.objects.filter(~is_unleased(), owner=row.owner).order_by("projection", "partition")
        return (
            ", ".join(f"{name}/{number}" for name, number in rows.values_list("projection", "partition")) or "nothing"
        )
