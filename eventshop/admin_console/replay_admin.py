"""Read models as they were, and as today's code would make them: asking for them, watching, and the results."""

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

from eventshop.admin_console.confirmation import confirm_with_view_permission
from eventshop.admin_console.formatting import EMPTY_VALUE, datetime_html, field_label, format_value
from eventshop.admin_console.list_filters import ProjectionFilter
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.replay_csv import csv_lines
from eventshop.admin_console.unfold_adapter import ChoicesDropdownFilter, display
from eventshop.core.errors import EventShopError
from eventshop.projections import replays
from eventshop.projections.models import Replay
from eventshop.projections.projection import Projection, projection_registry

#: Rows on a page of a result.
PAGE_SIZE: Final = 50


class AsOfForm(forms.Form):
    effect = "A worker folds all events up to then in memory; nobody's rows are touched. The result is kept for a week."
    button = "Show"
    dangerous = False

    projection = forms.ChoiceField(label="Read model", widget=forms.Select(attrs={"class": "es-input"}))
    at = forms.DateTimeField(
        label="As of",
        widget=forms.DateTimeInput(attrs={"class": "es-input", "type": "datetime-local", "step": "1"}),
        help_text="In the shop's time zone.",
    )
    time = forms.ChoiceField(
        label="By when it",
        choices=(("recorded", "was recorded"), ("happened", "happened")),
        widget=forms.Select(attrs={"class": "es-input"}),
    )
    key = forms.CharField(
        label="One row alone",
        required=False,
        max_length=250,
        help_text="Its primary key; all rows if empty.",
        widget=forms.TextInput(attrs={"class": "es-input"}),
    )

    def __init__(self, request: HttpRequest) -> None:
        given = {name: request.GET[name] for name in ("projection", "key") if name in request.GET}
        super().__init__(request.POST if request.method == "POST" else None, initial=given)
        shown = [it.name for it in projection_registry.select([]) if can_view_rows(request, it)]
        self.fields["projection"].choices = [(name, name) for name in sorted(shown)]  # type: ignore[attr-defined]


class DryRunForm(forms.Form):
    effect = (
        "A worker folds every event that the live rows were made of with the code that runs now, and compares. Nothing "
        "is changed."
    )
    button = "Try it out"
    dangerous = False


def can_view_rows(request: HttpRequest, projection: Projection[Any]) -> bool:
    """Whether somebody may see the rows of a read model."""
    model = projection.model._meta
    return request.user.has_perm(f"{model.app_label}.view_{model.model_name}")


def request_dry_run(model_admin: ReadOnlyAdmin, request: HttpRequest, name: str, back: str) -> HttpResponse:
    """The page that asks before a dry run, and the way to its result."""
    if request.method != "POST":
        return confirm_with_view_permission(model_admin, request, f"What would differ in {name}?", DryRunForm(), back)
    try:
        job = replays.request_dry_run(name, requested_by=request.user.get_username())
    except EventShopError as error:
        messages.error(request, f"{name} cannot be tried out. {error}.")
        return HttpResponseRedirect(back)
    return HttpResponseRedirect(_replay_url(job))


@admin.register(Replay)
class ReplayAdmin(ReadOnlyAdmin):
    empty_message = "Nobody has asked how a read model was, or what a rebuild would change."
    list_display = ("what", "moment", "key", "status", "how_far", "result", "requested_by", "requested")
    list_filter = (("kind", ChoicesDropdownFilter), ("state", ChoicesDropdownFilter), ProjectionFilter)
    sortable_by = ()
    ordering = ("-pk",)
    list_before_template = "console/replays.html"
    change_form_template = "console/replay.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("new/", view(self.request_as_of), name="projection_engine_replay_new"),
            path("<int:pk>/export/", view(self.export), name="projection_engine_replay_export"),
            *super().get_urls(),
        ]

    def request_as_of(self, request: HttpRequest) -> HttpResponse:
        """Ask for a read model as it was; `projection` and `key` in the address are filled in."""
        if not request.user.has_perm("projection_engine.replay_projection"):
            raise PermissionDenied
        form, back = AsOfForm(request), reverse("admin:projection_engine_replay_changelist")
        if form.is_valid():
            values = form.cleaned_data
            try:
                job = replays.request_as_of(
                    values["projection"],
                    values["at"],
                    happened=values["time"] == "happened",
                    key=values["key"],
                    requested_by=request.user.get_username(),
                )
                return HttpResponseRedirect(_replay_url(job))
            except EventShopError as error:
                form.add_error(None, str(error))
        return confirm_with_view_permission(self, request, "A read model as it was", form, back)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        answer = super().change_view(request, object_id, *args, **kwargs)
        if (getattr(answer, "context_data", None) or {}).get("goes_on"):
            answer["Refresh"] = "2"  # until there is a result
        return answer

    def detail_context(self, request: HttpRequest, obj: Replay) -> dict[str, Any]:
        seen = _can_view_result(request, obj)
        found = Paginator(obj.found.order_by("number"), PAGE_SIZE).get_page(request.GET.get("p")) if seen else None
        return {
            "job": obj,
            "title": self.what(obj),
            "seen": seen,
            "told": self.moment(obj),
            "percent": _percent(obj),
            "goes_on": obj.state in (Replay.State.REQUESTED, Replay.State.RUNNING),
            "requested": datetime_html(obj.requested_at),
            "found": found,
            "dry": obj.kind == Replay.Kind.DRY_RUN,
            **_result_table(obj, found),
        }

    def export(self, request: HttpRequest, pk: int) -> StreamingHttpResponse:
        """The whole result as CSV."""
        job = Replay.objects.filter(pk=pk).first()
        if job is None:
            raise Http404
        if not (self.has_view_permission(request) and _can_view_result(request, job)):
            raise PermissionDenied
        name = f"{job.projection}-{job.kind}-{job.pk}.csv"
        return StreamingHttpResponse(
            csv_lines(job), content_type="text/csv", headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )

    @display(description="read model")
    def what(self, job: Replay) -> str:
        return str(job)

    @display(description="as of")
    def moment(self, job: Replay) -> str | SafeString:
        if job.at is None:
            return EMPTY_VALUE
        return format_html("{} by when it {}", datetime_html(job.at), "happened" if job.happened else "was recorded")

    @display(description="state", label={"Done": "success", "Running": "info", "Failed": "danger"})
    def status(self, job: Replay) -> str:
        return job.get_state_display()

    @display(description="progress")
    def how_far(self, job: Replay) -> str:
        return f"{_percent(job)} %" if job.started_at else EMPTY_VALUE

    @display(description="result")
    def result(self, job: Replay) -> str:
        if job.state != Replay.State.DONE:
            return EMPTY_VALUE
        return replays.describe_differences(job) if job.kind == Replay.Kind.DRY_RUN else f"{job.rows:,} rows"

    @display(description="requested")
    def requested(self, job: Replay) -> str | SafeString:
        return datetime_html(job.requested_at)


def as_of_url(model: Any, pk: object) -> str:
    """Where a row of a read model is asked for as it was; empty for what no projection makes."""
    for projection in projection_registry.select([]):
        if projection.model is model:
            query = urlencode({"projection": projection.name, "key": str(pk)})
            return f"{reverse('admin:projection_engine_replay_new')}?{query}"
    return ""


def _replay_url(job: Replay) -> str:
    return reverse("admin:projection_engine_replay_change", args=(job.pk,))


def _can_view_result(request: HttpRequest, job: Replay) -> bool:
    """A result shows what the rows show: to the same people. What no projection makes any more, nobody sees."""
    return any(it.name == job.projection and can_view_rows(request, it) for it in projection_registry.select([]))


def _percent(job: Replay) -> int:
    if job.state == Replay.State.DONE:
        return 100
    return min(99, 100 * job.position // job.head) if job.head else 0


def _result_table(job: Replay, found: Any) -> dict[str, Any]:
    """The rows of a page: a line for each, or, of a dry run, for each column that would differ."""
    rows = [(row.key, json.loads(row.columns)) for row in found or ()]
    if job.kind == Replay.Kind.DRY_RUN:
        lines = [
            (key, [field_label(name), format_value(now), format_value(then)])
            for key, columns in rows
            for name, (now, then) in columns.items()
        ]
        return {"headings": ["Column", "As it is", "As it would be"], "lines": lines}
    names = list(rows[0][1]) if rows else []
    return {
        "headings": [field_label(name) for name in names],
        "lines": [(key, [format_value(columns[name]) for name in names]) for key, columns in rows],
    }
