"""Jobs that retry or skip all dead letters of one cause: their progress, their result, and the end of one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from eventshop.admin_console.cancellable_admin import CancellableAdmin
from eventshop.admin_console.display_names import actor_label
from eventshop.admin_console.formatting import datetime_html
from eventshop.admin_console.list_filters import ProjectionFilter
from eventshop.admin_console.unfold_adapter import ChoicesDropdownFilter, display
from eventshop.operations import dead_letter_operations
from eventshop.operations.access_log.declarations import NotLogged
from eventshop.projections.models import DeadLetterJob


class CancelJobForm(forms.Form):
    effect = "It ends behind the dead letter that it deals with now. What it has done stays."
    button = "Cancel it"
    dangerous = True


@admin.register(DeadLetterJob)
class DeadLetterJobAdmin(CancellableAdmin):
    access = NotLogged("jobs and how far they are")
    empty_message = "No cause was retried or skipped as a whole yet."
    list_display = ("cause", "verb", "state_badge", "progress", "succeeded", "requester", "reason", "request_time")
    list_filter = (("state", ChoicesDropdownFilter), ("verb", ChoicesDropdownFilter), ProjectionFilter)
    sortable_by = ()
    ordering = ("-pk",)
    cancel_form = CancelJobForm
    change_form_template = "console/dead_letter_job.html"

    def has_cancel_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        rights = ("retry_dead_letters", "skip_dead_letters")
        return any(request.user.has_perm(f"projection_engine.{right}") for right in rights)

    def cancel_row(self, row: DeadLetterJob, actor: str) -> None:
        dead_letter_operations.cancel_job(row, actor=actor)

    def detail_context(self, request: HttpRequest, obj: DeadLetterJob) -> dict[str, Any]:
        return {
            "job": obj,
            "title": str(obj),
            "is_open": obj.state in DeadLetterJob.OPEN,
            "percent": min(100 * obj.handled // max(obj.total, 1), 100),
            "requested": datetime_html(obj.requested_at),
            "finished": datetime_html(obj.finished_at) if obj.finished_at else "",
            "requester": actor_label(obj.requested_by),
            "remaining": obj.handled - obj.succeeded,
        }

    @display(description="cause")
    def cause(self, job: DeadLetterJob) -> str:
        return f"{job.projection}: {job.fingerprint}"

    @display(
        description="state",
        label={"Done": "success", "Running": "info", "Failed": "danger", "Cancelled": "warning"},
    )
    def state_badge(self, job: DeadLetterJob) -> str:
        return job.get_state_display()

    @display(description="progress")
    def progress(self, job: DeadLetterJob) -> str:
        return f"{job.handled:,} of {job.total:,}"

    @display(description="requested by")
    def requester(self, job: DeadLetterJob) -> str | SafeString:
        return actor_label(job.requested_by)

    @display(description="requested")
    def request_time(self, job: DeadLetterJob) -> str | SafeString:
        return datetime_html(job.requested_at)
