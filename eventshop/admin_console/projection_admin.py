"""Projections in the admin: how far each is, which rebuilds run, and the button that asks for one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from eventshop.admin_console.confirmation import confirm_with_view_permission
from eventshop.admin_console.estimated_pagination import CountedChangeList
from eventshop.admin_console.formatting import EMPTY_VALUE, datetime_html, time_ago
from eventshop.admin_console.list_filters import ProjectionFilter
from eventshop.admin_console.projection_lag import read_lag
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.replay_admin import request_dry_run
from eventshop.admin_console.unfold_adapter import ChoicesDropdownFilter, detail_action, display
from eventshop.core.errors import EventShopError
from eventshop.projections import rebuild, replays
from eventshop.projections.models import Checkpoint, Rebuild, Replay

_COLOURS = {
    "up to date": "success",
    "behind": "info",
    "stalled": "danger",
    "parked events": "danger",
    "paused": "warning",
    "needs rebuild": "warning",
}


class RebuildForm(forms.Form):
    """Says what a dry run foresees; without one, whoever wants the rebuild says that they want it all the same."""

    button = "Rebuild"
    dangerous = False

    reason = forms.CharField(
        max_length=500,
        help_text="Shown beside the rebuild.",
        widget=forms.TextInput(attrs={"class": "es-input"}),
    )
    unseen = forms.BooleanField(
        label="Rebuild without knowing what will differ",
        help_text="Nobody has tried it out since yesterday. Nothing is lost by looking first: What would differ.",
    )

    def __init__(self, request: HttpRequest, dry_run: Replay | None) -> None:
        super().__init__(request.POST if request.method == "POST" else None)
        self.effect = _REBUILD_EFFECT
        if dry_run is not None and dry_run.finished_at is not None:
            self.effect = (
                f"{_REBUILD_EFFECT} Tried out {time_ago(dry_run.finished_at)}: {replays.describe_differences(dry_run)}."
            )
            del self.fields["unseen"]


_REBUILD_EFFECT = (
    "A worker folds every event again into new rows beside the live ones, and swaps them in when they are as far. "
    "Readers see the old rows until then."
)


class CheckpointChangeList(CountedChangeList):
    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        found = read_lag()
        if found.problem:
            messages.warning(request, f"How far the projections are behind cannot be told: {found.problem}.")
        for row in rows:
            row.status = found.status_of(row.projection, row.partition)
        self.result_list = rows


@admin.register(Checkpoint)
class CheckpointAdmin(ReadOnlyAdmin):
    empty_message = "No projection has run yet. Workers run them."
    list_display = (
        "projection",
        "partition",
        "state",
        "place",
        "head",
        "lag",
        "behind",
        "advanced",
        "owner",
        "set_aside",
    )
    sortable_by = ()
    ordering = ("projection", "partition")
    list_filter = (ProjectionFilter,)
    actions_detail = ("what_if", "rebuild")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CheckpointChangeList]:
        return CheckpointChangeList

    def has_rebuild_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("projection_engine.rebuild_projection")

    def has_replay_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("projection_engine.replay_projection")

    @detail_action(permission="replay", description="What would differ", icon="difference")
    def what_if(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404("no such projection")
        return request_dry_run(self, request, row.projection, reverse("admin:projection_engine_checkpoint_changelist"))

    @detail_action(permission="rebuild", description="Rebuild", icon="construction")
    def rebuild(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404("no such projection")
        dry_run = replays.latest_dry_run(row.projection)
        form = RebuildForm(request, dry_run)
        back = reverse("admin:projection_engine_checkpoint_changelist")
        if request.method == "POST" and form.is_valid():
            try:
                job = rebuild.request_rebuild(
                    row.projection,
                    requested_by=request.user.get_username(),
                    reason=form.cleaned_data["reason"],
                    dry_run=dry_run,
                )
            except EventShopError as error:
                messages.error(request, f"{row.projection} cannot be rebuilt. {error}.")
                return HttpResponseRedirect(back)
            messages.success(request, f"Rebuild of {row.projection} requested; a worker takes it up in a moment.")
            return HttpResponseRedirect(reverse("admin:projection_engine_rebuild_change", args=(job.pk,)))
        return confirm_with_view_permission(self, request, f"Rebuild {row.projection}", form, back)

    @display(description="state", label=_COLOURS)
    def state(self, row: Any) -> str:
        return str(row.status.state) if row.status else EMPTY_VALUE

    @display(description="position")
    def place(self, row: Checkpoint) -> str:
        return f"{row.position:,}"

    @display(description="head")
    def head(self, row: Any) -> str:
        return f"{row.status.head:,}" if row.status else EMPTY_VALUE

    @display(description="events behind")
    def lag(self, row: Any) -> str:
        return f"{row.status.behind:,}" if row.status else EMPTY_VALUE

    @display(description="seconds behind")
    def behind(self, row: Any) -> str:
        return f"{row.status.behind_s:,.0f}" if row.status else EMPTY_VALUE

    @display(description="last advanced")
    def advanced(self, row: Checkpoint) -> str | SafeString:
        return datetime_html(row.advanced_at)

    @display(description="parked")
    def set_aside(self, row: Checkpoint) -> str | SafeString:
        if not row.parked:
            return "0"
        url = f"{reverse('admin:projection_engine_deadletter_changelist')}?projection={row.projection}"
        return format_html('<a class="es-link" href="{}">{}</a>', url, row.parked)


@admin.register(Rebuild)
class RebuildAdmin(ReadOnlyAdmin):
    empty_message = "Nothing was rebuilt yet."
    list_display = (
        "projection",
        "status",
        "how_far",
        "difference",
        "foreseen",
        "requested_by",
        "reason",
        "requested",
        "finished",
    )
    list_filter = (("state", ChoicesDropdownFilter), ProjectionFilter)
    sortable_by = ()
    ordering = ("-pk",)

    @display(description="state", label={"Done": "success", "Running": "info", "Failed": "danger"})
    def status(self, job: Rebuild) -> str:
        return job.get_state_display()

    @display(description="progress")
    def how_far(self, job: Rebuild) -> str:
        percent = 100 * job.position // job.head if job.head else 0
        return f"{min(percent, 100)} %, {job.position:,} of {job.head:,}" if job.started_at else EMPTY_VALUE

    @display(description="rows added, changed, removed")
    def difference(self, job: Rebuild) -> str:
        return f"{job.added:,} / {job.changed:,} / {job.removed:,}"

    @display(description="foreseen")
    def foreseen(self, job: Rebuild) -> str:
        if job.foreseen_at is None:
            return EMPTY_VALUE
        return f"{job.foreseen_added:,} / {job.foreseen_changed:,} / {job.foreseen_removed:,}"

    @display(description="requested")
    def requested(self, job: Rebuild) -> str | SafeString:
        return datetime_html(job.requested_at)

    @display(description="finished")
    def finished(self, job: Rebuild) -> str | SafeString:
        return datetime_html(job.finished_at)
