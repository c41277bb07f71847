"""Projections: the checkpoint and lag of each, the rebuilds, and the actions to request a dry run or a rebuild."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from eventshop.admin_console.confirmation import confirm_with_view_permission, reason_field
from eventshop.admin_console.estimated_pagination import CountedChangeList
from eventshop.admin_console.formatting import EMPTY_VALUE, datetime_html, time_ago
from eventshop.admin_console.list_filters import ProjectionFilter
from eventshop.admin_console.measurement_admin import chosen_period, draw_lag
from eventshop.admin_console.projection_lag import read_lag
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.replay_admin import request_dry_run
from eventshop.admin_console.unfold_adapter import detail_action, display
from eventshop.core.errors import EventShopError
from eventshop.formats.form_fields import StrictIntegerField
from eventshop.operations import projection_operations, rebuild_operations
from eventshop.operations.access_log.declarations import NotLogged
from eventshop.operations.rebuild_operations import Order
from eventshop.operations.staff_actors import staff_actor
from eventshop.projections import replays
from eventshop.projections.models import Checkpoint, Replay

_COLOURS = {
    "up to date": "success",
    "behind": "info",
    "stalled": "danger",
    "dead letters": "danger",
    "paused": "warning",
    "needs rebuild": "warning",
}


class RebuildForm(forms.Form):
    """Shows the result of the latest dry run. Without one, the user has to confirm a rebuild without it."""

    button = "Rebuild"
    dangerous = False

    reason = reason_field("The list of rebuilds shows it.")
    by_hand = forms.BooleanField(
        label="Switch by hand",
        required=False,
        help_text="It waits with the comparison of old and new rows until somebody switches.",
    )
    events_per_s = StrictIntegerField(
        label="At most so many events per second",
        required=False,
        min_value=1,
        max_value=1_000_000,
        widget=forms.NumberInput(attrs={"class": "es-input"}),
    )
    up_to = forms.CharField(
        label="Reset to a position or time",
        required=False,
        max_length=40,
        help_text="Such as 1742 or 2026-01-31T12:00. Its rows become those of there, and its workers go on from there.",
        widget=forms.TextInput(attrs={"class": "es-input"}),
    )
    without_dry_run = forms.BooleanField(
        label="Rebuild without a dry run",
        help_text="There is no dry run since yesterday. A dry run shows which rows would change, and changes nothing.",
    )

    def __init__(self, request: HttpRequest, dry_run: Replay | None) -> None:
        super().__init__(request.POST if request.method == "POST" else None)
        self.effect = _REBUILD_EFFECT
        if dry_run is not None and dry_run.finished_at is not None:
            self.effect = (
                f"{_REBUILD_EFFECT} Dry run {time_ago(dry_run.finished_at)}: {replays.describe_differences(dry_run)}."
            )
            del self.fields["without_dry_run"]

    def clean_up_to(self) -> int | None:
        try:
            return rebuild_operations.reset_position(self.cleaned_data["up_to"])
        except EventShopError as error:
            raise forms.ValidationError(str(error)) from error


class PauseForm(forms.Form):
    effect = (
        "Its workers leave it alone within seconds, until somebody resumes it. Its rows stay as they are, and events "
        "wait. A rebuild goes on."
    )
    button = "Pause"
    dangerous = False

    reason = reason_field("The operator log shows it with your name.")


class ResumeForm(forms.Form):
    effect = "Its workers go on with the events that have waited."
    button = "Resume"
    dangerous = False


_REBUILD_EFFECT = (
    "A worker folds all events into new rows and swaps these in when they have caught up. Until then readers see the "
    "old rows."
)


class CheckpointChangeList(CountedChangeList):
    """Adds the current status of the projection to each row."""

    def get_results(self, request: HttpRequest) -> None:
        self.lag = read_lag()
        if self.lag.problem:
            messages.warning(request, f"The lag of the projections is unknown: {self.lag.problem}.")
        super().get_results(request)

    def load_column_data(self, page: list[Any]) -> list[Any]:
        for row in page:
            row.status = self.lag.status_of(row.projection, row.partition)
        return page


@admin.register(Checkpoint)
class CheckpointAdmin(ReadOnlyAdmin):
    access = NotLogged("positions of projections")
    empty_message = "No projection has run yet. Start a worker to run them."
    list_display = (
        "projection",
        "partition",
        "state",
        "position_text",
        "head",
        "events_behind",
        "seconds_behind",
        "last_advance_time",
        "owner",
        "dead_letters",
    )
    sortable_by = ()
    ordering = ("projection", "partition")
    list_filter = (ProjectionFilter,)
    actions_detail = ("what_if", "rebuild", "pause", "resume")
    change_form_template = "console/projection.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CheckpointChangeList]:
        return CheckpointChangeList

    def has_rebuild_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("projection_engine.rebuild_projection")

    def has_replay_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("projection_engine.replay_projection")

    def has_pause_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("projection_engine.pause_projection")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Either the button that pauses or the one that resumes."""
        actions: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        row = self.get_object(request, str(object_id))
        hidden = "pause" if row is not None and row.paused else "resume"
        return [action for action in actions if action.path != hidden]

    def detail_context(self, request: HttpRequest, obj: Checkpoint) -> dict[str, Any]:
        title = f"{obj.projection}, partition {obj.partition}"
        return {"title": title, **draw_lag(obj.projection, chosen_period(request))}

    @detail_action(permission="pause", description="Pause", icon="pause")
    def pause(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._set_paused(request, object_id, PauseForm(request.POST or None), paused=True)

    @detail_action(permission="pause", description="Resume", icon="play_arrow")
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._set_paused(request, object_id, ResumeForm(request.POST or None), paused=False)

    def _set_paused(self, request: HttpRequest, object_id: str, form: forms.Form, *, paused: bool) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404(f"no checkpoint has the id {object_id}")
        verb, back_url = ("Pause" if paused else "Resume"), reverse("admin:projection_engine_checkpoint_changelist")
        if not form.is_valid():
            return confirm_with_view_permission(self, request, f"{verb} {row.projection}", form, back_url)
        reason = form.cleaned_data.get("reason", "")
        try:
            projection_operations.set_paused(
                row.projection, paused=paused, actor=staff_actor(request.user), reason=reason
            )
        except EventShopError as error:
            messages.error(request, f"{error}.")
            return HttpResponseRedirect(back_url)
        messages.success(request, f"{row.projection} {'is paused' if paused else 'goes on'}.")
        return HttpResponseRedirect(back_url)

    @detail_action(permission="replay", description="Dry run", icon="difference")
    def what_if(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404(f"no checkpoint has the id {object_id}")
        return request_dry_run(self, request, row.projection, reverse("admin:projection_engine_checkpoint_changelist"))

    @detail_action(permission="rebuild", description="Rebuild", icon="construction")
    def rebuild(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404(f"no checkpoint has the id {object_id}")
        dry_run = replays.latest_dry_run(row.projection)
        form = RebuildForm(request, dry_run)
        back_url = reverse("admin:projection_engine_checkpoint_changelist")
        if request.method == "POST" and form.is_valid():
            try:
                order = Order(staff_actor(request.user), form.cleaned_data["reason"], form.cleaned_data["events_per_s"])
                by_hand = form.cleaned_data["by_hand"]
                up_to = form.cleaned_data["up_to"]
                job = rebuild_operations.request(row.projection, order, dry_run=dry_run, by_hand=by_hand, up_to=up_to)
            except EventShopError as error:
                messages.error(request, f"{row.projection} cannot be rebuilt. {error}.")
                return HttpResponseRedirect(back_url)
            messages.success(request, f"Rebuild of {row.projection} requested. A worker starts it in a moment.")
            return HttpResponseRedirect(reverse("admin:projection_engine_rebuild_change", args=(job.pk,)))
        return confirm_with_view_permission(self, request, f"Rebuild {row.projection}", form, back_url)

    @display(description="state", label=_COLOURS)
    def state(self, row: Any) -> str:
        return str(row.status.state) if row.status else EMPTY_VALUE

    @display(description="position")
    def position_text(self, row: Checkpoint) -> str:
        return f"{row.position:,}"

    @display(description="head")
    def head(self, row: Any) -> str:
        return f"{row.status.head:,}" if row.status else EMPTY_VALUE

    @display(description="events behind")
    def events_behind(self, row: Any) -> str:
        return f"{row.status.lag:,}" if row.status else EMPTY_VALUE

    @display(description="seconds behind")
    def seconds_behind(self, row: Any) -> str:
        return f"{row.status.lag_s:,.0f}" if row.status else EMPTY_VALUE

    @display(description="last advanced")
    def last_advance_time(self, row: Checkpoint) -> str | SafeString:
        return datetime_html(row.advanced_at)

    @display(description="dead letters")
    def dead_letters(self, row: Checkpoint) -> str | SafeString:
        if not row.parked:
            return "0"
        url = f"{reverse('admin:projection_engine_deadletter_changelist')}?projection={row.projection}"
        return format_html('<a class="es-link" href="{}">{}</a>', url, row.parked)
