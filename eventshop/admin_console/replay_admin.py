"""Replays: requests for a read model as of a time or for a dry run, their progress and their results."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from eventshop.admin_console.cancellable_admin import CancellableAdmin
from eventshop.admin_console.confirmation import confirm_with_view_permission
from eventshop.admin_console.display_names import actor_label
from eventshop.admin_console.formatting import EMPTY_VALUE, datetime_html, field_label, format_value
from eventshop.admin_console.list_filters import ProjectionFilter
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.replay_csv import csv_lines
from eventshop.admin_console.row_check_form import answer_row_check, repair_url, row_check_url
from eventshop.admin_console.unfold_adapter import ChoicesDropdownFilter, display
from eventshop.core.errors import EventShopError
from eventshop.operations import row_operations
from eventshop.operations.access_log.declarations import Kind, Logged, NotLogged, declare_access
from eventshop.operations.rights import only_staff
from eventshop.operations.staff_actors import staff_actor
from eventshop.projections import replays
from eventshop.projections.models import Replay
from eventshop.projections.projection import Projection, projection_registry

#: Rows on one page of a result.
PAGE_SIZE: Final = 50


#: What stands beside the live values.
_HEADINGS: Final = {
    Replay.Kind.DRY_RUN: "Dry run",
    Replay.Kind.CHECK: "By its events",
    Replay.Kind.REPAIR: "Repaired",
}


class AsOfForm(forms.Form):
    effect = "A worker folds all events up to that time in memory and changes no row. The result is kept for some days."
    button = "Show"
    dangerous = False

    projection = forms.ChoiceField(label="Read model", widget=forms.Select(attrs={"class": "es-input"}))
    at = forms.DateTimeField(
        label="As of",
        widget=forms.DateTimeInput(attrs={"class": "es-input", "type": "datetime-local", "step": "1"}),
        help_text="In the shop's time zone.",
    )
    time = forms.ChoiceField(
        label="By the time it",
        choices=(("recorded", "was recorded"), ("happened", "happened")),
        widget=forms.Select(attrs={"class": "es-input"}),
    )
    key = forms.CharField(
        label="Only one row",
        required=False,
        max_length=250,
        help_text="The primary key; empty for all rows.",
        widget=forms.TextInput(attrs={"class": "es-input"}),
    )

    def __init__(self, request: HttpRequest) -> None:
        initial = {name: request.GET[name] for name in ("projection", "key") if name in request.GET}
        super().__init__(request.POST if request.method == "POST" else None, initial=initial)
        names = [projection.name for projection in projection_registry.select([]) if can_view_rows(request, projection)]
        self.fields["projection"].choices = [(name, name) for name in sorted(names)]  # type: ignore[attr-defined]


class DryRunForm(forms.Form):
    effect = (
        "A worker folds the events of the live rows again with the current code and compares the results. It changes "
        "nothing."
    )
    button = "Start dry run"
    dangerous = False


class CancelReplayForm(forms.Form):
    effect = "It ends without a result. It changes no row."
    button = "Cancel it"
    dangerous = True


def can_view_rows(request: HttpRequest, projection: Projection[Any]) -> bool:
    """Whether the user may view the rows of a read model."""
    model = projection.model._meta
    return request.user.has_perm(f"{model.app_label}.view_{model.model_name}")


def request_dry_run(model_admin: ReadOnlyAdmin, request: HttpRequest, name: str, back_url: str) -> HttpResponse:
    """Show the confirmation page of a dry run, or request it and redirect to its result."""
    if request.method != "POST":
        return confirm_with_view_permission(model_admin, request, f"Dry run of {name}", DryRunForm(), back_url)
    try:
        job = replays.request_dry_run(name, requested_by=staff_actor(request.user))
    except EventShopError as error:
        messages.error(request, f"A dry run of {name} is not possible. {error}.")
        return HttpResponseRedirect(back_url)
    return HttpResponseRedirect(_replay_url(job))


@admin.register(Replay)
class ReplayAdmin(CancellableAdmin):
    access = Logged(Kind.STATE)
    empty_message = "No replay was requested yet."
    list_display = (
        "replay_name",
        "as_of_time",
        "key",
        "state_badge",
        "progress",
        "result_text",
        "requester",
        "request_time",
    )
    list_filter = (("kind", ChoicesDropdownFilter), ("state", ChoicesDropdownFilter), ProjectionFilter)
    sortable_by = ()
    ordering = ("-pk",)
    list_before_template = "console/replays.html"
    change_form_template = "console/replay.html"
    cancel_form = CancelReplayForm

    def has_cancel_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("projection_engine.replay_projection")

    def cancel_row(self, row: Replay, actor: str) -> None:
        row_operations.cancel_replay(row, actor=actor)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("new/", view(self.request_as_of), name="projection_engine_replay_new"),
            path("check/", view(self.check_rows), name="projection_engine_replay_check"),
            path("<int:pk>/export/", view(self.export), name="projection_engine_replay_export"),
            *super().get_urls(),
        ]

    @only_staff("projection_engine.view_replay", "projection_engine.replay_projection")
    @declare_access(NotLogged("a form"))
    def request_as_of(self, request: HttpRequest) -> HttpResponse:
        """Request a read model as of a time; `?projection=` and `?key=` are initial values of the form."""
        if not (self.has_view_permission(request) and request.user.has_perm("projection_engine.replay_projection")):
            raise PermissionDenied
        form, back_url = AsOfForm(request), reverse("admin:projection_engine_replay_changelist")
        if form.is_valid():
            values = form.cleaned_data
            try:
                job = replays.request_as_of(
                    values["projection"],
                    values["at"],
                    happened=values["time"] == "happened",
                    key=values["key"],
                    requested_by=staff_actor(request.user),
                )
                return HttpResponseRedirect(_replay_url(job))
            except EventShopError as error:
                form.add_error(None, str(error))
        return confirm_with_view_permission(self, request, "Read model as of a time", form, back_url)

    @only_staff("projection_engine.view_replay", "projection_engine.replay_projection")
    @declare_access(NotLogged("a form"))
    def check_rows(self, request: HttpRequest) -> HttpResponse:
        """Request a comparison of rows with their events; `?projection=`, `?key=`, `?stream=` are initial values."""
        if not (self.has_view_permission(request) and request.user.has_perm("projection_engine.replay_projection")):
            raise PermissionDenied
        return answer_row_check(self, request)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().change_view(request, object_id, *args, **kwargs)
        if (getattr(response, "context_data", None) or {}).get("is_running"):
            response["Refresh"] = "2"  # seconds; until there is a result
        return response

    def detail_context(self, request: HttpRequest, obj: Replay) -> dict[str, Any]:
        can_view = _can_view_result(request, obj)
        rows = Paginator(obj.found.order_by("number"), PAGE_SIZE).get_page(request.GET.get("p")) if can_view else None
        return {
            "job": obj,
            "title": self.replay_name(obj),
            "can_view": can_view,
            "as_of": self.as_of_time(obj),
            "percent": _percent(obj),
            "repair_url": repair_url(request, obj),
            "is_running": obj.state in Replay.OPEN,
            "requested": datetime_html(obj.requested_at),
            "page": rows,
            "is_dry_run": obj.kind != Replay.Kind.AS_OF,
            "differences": replays.describe_differences(obj),
            **_result_table(obj, rows),
        }

    @only_staff("projection_engine.view_replay")
    @declare_access(Logged(Kind.EXPORT))
    def export(self, request: HttpRequest, pk: int) -> StreamingHttpResponse:
        """The complete result as CSV."""
        job = Replay.objects.filter(pk=pk).first()
        if job is None:
            raise Http404(f"no replay has the id {pk}")
        if not (self.has_view_permission(request) and _can_view_result(request, job)):
            raise PermissionDenied
        name = f"{job.projection}-{job.kind}-{job.pk}.csv"
        return StreamingHttpResponse(
            csv_lines(job), content_type="text/csv", headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )

    @display(description="read model")
    def replay_name(self, job: Replay) -> str:
        return str(job)

    @display(description="as of")
    def as_of_time(self, job: Replay) -> str | SafeString:
        if job.at is None:
            return EMPTY_VALUE
        return format_html(
            "{} by the time it {}", datetime_html(job.at), "happened" if job.happened else "was recorded"
        )

    @display(
        description="state", label={"Done": "success", "Running": "info", "Failed": "danger", "Cancelled": "warning"}
    )
    def state_badge(self, job: Replay) -> str:
        return job.get_state_display()

    @display(description="progress")
    def progress(self, job: Replay) -> str:
        return f"{_percent(job)} %" if job.started_at else EMPTY_VALUE

    @display(description="result")
    def result_text(self, job: Replay) -> str:
        if job.state != Replay.State.DONE:
            return EMPTY_VALUE
        return f"{job.rows:,} rows" if job.kind == Replay.Kind.AS_OF else replays.describe_differences(job)

    @display(description="requested by")
    def requester(self, job: Replay) -> str | SafeString:
        return actor_label(job.requested_by)

    @display(description="requested")
    def request_time(self, job: Replay) -> str | SafeString:
        return datetime_html(job.requested_at)


def as_of_url(model: Any, pk: object) -> str:
    """The address of the form that requests a row as of a time; empty if no projection maintains the model."""
    for projection in projection_registry.select([]):
        if projection.model is model:
            query = urlencode({"projection": projection.name, "key": str(pk)})
            return f"{reverse('admin:projection_engine_replay_new')}?{query}"
    return ""


def check_url(model: Any, pk: object, *, repair: bool = False) -> str:
    """The address of the form that compares a row with its events; empty if no projection maintains the model."""
    for projection in projection_registry.select([]):
        if projection.model is model:
            return row_check_url(projection.name, key=str(pk), repair=repair)
    return ""


def _replay_url(job: Replay) -> str:
    return reverse("admin:projection_engine_replay_change", args=(job.pk,))


def _can_view_result(request: HttpRequest, job: Replay) -> bool:
    """A result needs the same permission as the rows; nobody may view the result of a projection that was removed."""
    return any(
        projection.name == job.projection and can_view_rows(request, projection)
        for projection in projection_registry.select([])
    )


def _percent(job: Replay) -> int:
    if job.state == Replay.State.DONE:
        return 100
    return min(99, 100 * job.position // job.head) if job.head else 0


def _result_table(job: Replay, page: Any) -> dict[str, Any]:
    """Headings and table rows of one page: one per row, or one per differing column for a dry run."""
    rows = [(row.key, json.loads(row.columns)) for row in page or ()]
    if job.kind != Replay.Kind.AS_OF:
        cells = [
            (key, [field_label(name), format_value(live), format_value(replayed)])
            for key, columns in rows
            for name, (live, replayed) in columns.items()
        ]
        return {"headings": ["Column", "Live", _HEADINGS[Replay.Kind(job.kind)]], "rows": cells}
    names = list(rows[0][1]) if rows else []
    return {
        "headings": [field_label(name) for name in names],
        "rows": [(key, [format_value(columns[name]) for name in names]) for key, columns in rows],
    }
