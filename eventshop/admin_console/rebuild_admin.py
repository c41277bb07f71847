"""Rebuilds: watched while they run, paused, slowed down, cancelled, compared, switched and undone."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString

from eventshop.admin_console.confirmation import confirm_with_view_permission, reason_field
from eventshop.admin_console.display_names import actor_label
from eventshop.admin_console.formatting import EMPTY_VALUE, datetime_html, field_label, format_value
from eventshop.admin_console.list_filters import ProjectionFilter
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.replay_admin import can_view_rows
from eventshop.admin_console.unfold_adapter import ChoicesDropdownFilter, detail_action, display
from eventshop.core.errors import EventShopError
from eventshop.formats.form_fields import StrictIntegerField
from eventshop.operations.access_log.declarations import NotLogged
from eventshop.operations.rebuild_operations import VERBS, Order, can_undo, control_rebuild
from eventshop.operations.staff_actors import staff_actor
from eventshop.projections import kept_rows
from eventshop.projections.models import Rebuild
from eventshop.projections.projection import projection_registry

State = Rebuild.State


class ControlForm(forms.Form):
    """The reason of an action on a rebuild, where it needs one, and the limit of a throttled one."""

    reason = reason_field("The operator log shows it with your name.", max_length=400)
    events_per_s = StrictIntegerField(
        label="Events per second",
        required=False,
        min_value=1,
        max_value=1_000_000,
        help_text="Empty: as fast as it can.",
        widget=forms.NumberInput(attrs={"class": "es-input"}),
    )

    def __init__(self, verb: str, data: Any) -> None:
        super().__init__(data)
        self.effect = VERBS[verb].effect
        self.button = verb.capitalize()
        self.dangerous = verb in ("cancel", "undo")
        if not VERBS[verb].needs_reason:
            del self.fields["reason"]
        if verb != "throttle":
            del self.fields["events_per_s"]


@admin.register(Rebuild)
class RebuildAdmin(ReadOnlyAdmin):
    access = NotLogged("the progress of rebuilds")
    empty_message = "No projection was rebuilt yet."
    list_display = (
        "projection",
        "state_badge",
        "progress",
        "changes",
        "predicted_changes",
        "requester",
        "reason",
        "request_time",
        "finish_time",
    )
    list_filter = (("state", ChoicesDropdownFilter), ProjectionFilter)
    sortable_by = ()
    ordering = ("-pk",)
    actions_detail = ("pause", "resume", "throttle", "cancel", "switch", "undo")
    change_form_template = "console/rebuild.html"

    def has_rebuild_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("projection_engine.rebuild_projection")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only the buttons that the state of the rebuild allows."""
        actions: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        job = self.get_object(request, str(object_id))
        return [action for action in actions if job is None or _is_possible(action.path, job)]

    @detail_action(permission="rebuild", description="Pause", icon="pause")
    def pause(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._control("pause", request, object_id)

    @detail_action(permission="rebuild", description="Resume", icon="play_arrow")
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._control("resume", request, object_id)

    @detail_action(permission="rebuild", description="Throttle", icon="speed")
    def throttle(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._control("throttle", request, object_id)

    @detail_action(permission="rebuild", description="Cancel", icon="cancel")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._control("cancel", request, object_id)

    @detail_action(permission="rebuild", description="Switch", icon="swap_horiz")
    def switch(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._control("switch", request, object_id)

    @detail_action(permission="rebuild", description="Undo the switch", icon="undo")
    def undo(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._control("undo", request, object_id)

    def _control(self, verb: str, request: HttpRequest, object_id: str) -> HttpResponse:
        job = self.get_object(request, object_id)
        if job is None:
            raise Http404(f"no rebuild has the id {object_id}")
        form = ControlForm(verb, request.POST if request.method == "POST" else None)
        back_url = _job_url(job.pk)
        if not form.is_valid():
            title = f"{verb.capitalize()} rebuild of {job.projection}"
            return confirm_with_view_permission(self, request, title, form, back_url)
        values = form.cleaned_data
        order = Order(staff_actor(request.user), values.get("reason", ""), values.get("events_per_s"))
        try:
            control_rebuild(verb, job, order)
        except EventShopError as error:
            messages.error(request, f"{error}.")
        undo = job.undone_by.order_by("-pk").first() if verb == "undo" else None
        return HttpResponseRedirect(_job_url(undo.pk) if undo else back_url)

    def detail_context(self, request: HttpRequest, obj: Rebuild) -> dict[str, Any]:
        left = obj.eta_s
        return {
            "job": obj,
            "title": f"Rebuild of {obj.projection}" if obj.undoes_id is None else f"Undo in {obj.projection}",
            "is_open": obj.state in Rebuild.OPEN,
            "percent": _percent(obj),
            "eta": str(timedelta(seconds=round(left))) if left is not None and obj.state == State.RUNNING else "",
            "requested": datetime_html(obj.requested_at),
            "finished": datetime_html(obj.finished_at) if obj.finished_at else "",
            "requester": actor_label(obj.requested_by),
            "kept_until": datetime_html(until) if (until := kept_rows.kept_until(obj)) else "",
            "examples": _examples(request, obj),
            "command": f"python manage.py control_rebuild VERB {obj.pk}",
        }

    @display(
        description="state",
        label={"Done": "success", "Running": "info", "Failed": "danger", "Paused": "warning", "Cancelled": "warning"},
    )
    def state_badge(self, job: Rebuild) -> str:
        return job.get_state_display()

    @display(description="progress")
    def progress(self, job: Rebuild) -> str:
        return f"{_percent(job)} %, {job.position:,} of {job.head:,}" if job.started_at else EMPTY_VALUE

    @display(description="rows added, changed, removed")
    def changes(self, job: Rebuild) -> str:
        return f"{job.added:,} / {job.changed:,} / {job.removed:,}"

    @display(description="predicted by the dry run")
    def predicted_changes(self, job: Rebuild) -> str:
        if job.foreseen_at is None:
            return EMPTY_VALUE
        return f"{job.foreseen_added:,} / {job.foreseen_changed:,} / {job.foreseen_removed:,}"

    @display(description="requested by")
    def requester(self, job: Rebuild) -> str | SafeString:
        return actor_label(job.requested_by)

    @display(description="requested")
    def request_time(self, job: Rebuild) -> str | SafeString:
        return datetime_html(job.requested_at)

    @display(description="finished")
    def finish_time(self, job: Rebuild) -> str | SafeString:
        return datetime_html(job.finished_at)


def _is_possible(verb: str, job: Rebuild) -> bool:
    return can_undo(job) if verb == "undo" else job.state in VERBS[verb].states


def _job_url(job_id: int) -> str:
    return reverse("admin:projection_engine_rebuild_change", args=(job_id,))


def _percent(job: Rebuild) -> int:
    return min(100 * job.position // job.head, 100) if job.head else 100 * (job.state == State.DONE)


def _examples(request: HttpRequest, job: Rebuild) -> list[tuple[str, list[Any]]]:
    """The rows that it changes, column by column, for those who may view them."""
    projection = {item.name: item for item in projection_registry.select([])}.get(job.projection)
    if projection is None or not can_view_rows(request, projection):
        return []
    return [
        (key, [field_label(name), format_value(before), format_value(after)])
        for key, columns in json.loads(job.examples)
        for name, (before, after) in columns.items()
    ]
