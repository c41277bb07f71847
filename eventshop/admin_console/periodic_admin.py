"""Periodic jobs: when each is due and the result of its last run."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from eventshop.admin_console.confirmation import confirm_with_view_permission
from eventshop.admin_console.formatting import datetime_html
from eventshop.admin_console.job_views import jobs_page
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.row_page import section
from eventshop.admin_console.unfold_adapter import detail_action, display
from eventshop.core.errors import EventShopError
from eventshop.operations import periodic_jobs
from eventshop.operations.access_log.declarations import NotLogged
from eventshop.operations.models import PeriodicWork
from eventshop.operations.staff_actors import staff_actor
from eventshop.runtime.leases import is_leased


class RunNowForm(forms.Form):
    effect = (
        "The job is due at once: the beat has a worker run it within ten seconds, and the next run is a period later."
    )
    button = "Run now"
    dangerous = False


@admin.register(PeriodicWork)
class PeriodicWorkAdmin(ReadOnlyAdmin):
    access = NotLogged("jobs and their times")
    empty_message = "No periodic job has run yet. Celery beat starts them, and a worker runs them."
    list_display = ("name", "state", "next_run", "last_run", "result_text")
    list_filter = ("failed",)
    search_fields = ("name", "said")
    ordering = ("name",)
    actions_detail = ("run_now",)
    fieldsets = (
        section("Periodic job", "name", "state", "due_at"),
        section("Last run", "result_text", "started_at", "finished_at", "owner", "leased_until"),
    )

    def get_urls(self) -> list[URLPattern]:
        jobs = self.admin_site.admin_view(jobs_page)
        return [path("jobs/", jobs, {"model_admin": self}, name="jobs"), *super().get_urls()]

    def has_run_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("ops.run_periodic_job")

    @detail_action(permission="run", description="Run now", icon="play_arrow")
    def run_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row, back_url = self.get_object(request, object_id), reverse("admin:ops_periodicwork_changelist")
        if row is None:
            raise Http404(f"no periodic job is named {object_id}")
        if request.method != "POST":
            return confirm_with_view_permission(self, request, f"Run {row.name} now", RunNowForm(), back_url)
        try:
            periodic_jobs.request_run(row.name, actor=staff_actor(request.user))
        except EventShopError as error:
            messages.error(request, f"{error}.")
        else:
            messages.success(request, f"{row.name} is due now: it runs within ten seconds.")
        return HttpResponseRedirect(back_url)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PeriodicWork]:
        rows: QuerySet[PeriodicWork] = super().get_queryset(request)
        return rows.annotate(is_leased=is_leased())

    @display(
        description="State", label={"failed": "danger", "running": "info", "abandoned": "warning", "waiting": "success"}
    )
    def state(self, row: Any) -> str:
        if row.leased_until is not None:
            return "running" if row.is_leased else "abandoned"
        return "failed" if row.failed else "waiting"

    @display(description="Due", ordering="due_at")
    def next_run(self, row: PeriodicWork) -> str:
        return datetime_html(row.due_at)

    @display(description="Last run", ordering="finished_at")
    def last_run(self, row: PeriodicWork) -> str:
        return datetime_html(row.finished_at) if row.finished_at else "never"

    @display(description="Result")
    def result_text(self, row: PeriodicWork) -> str:
        return row.said
