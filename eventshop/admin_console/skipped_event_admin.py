"""Skipped events: dead letters that projections go on without, and the action to restore one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString

from eventshop.admin_console.confirmation import confirm_with_view_permission, reason_field
from eventshop.admin_console.display_names import actor_label
from eventshop.admin_console.event_detail import position_link, stream_link
from eventshop.admin_console.formatting import datetime_html
from eventshop.admin_console.list_filters import ProjectionFilter
from eventshop.admin_console.operator_history import about_event, operator_history
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.row_page import section
from eventshop.admin_console.unfold_adapter import detail_action, display
from eventshop.core.errors import EventShopError
from eventshop.operations import dead_letter_operations
from eventshop.operations.access_log.declarations import Kind, Logged
from eventshop.operations.staff_actors import staff_actor
from eventshop.projections.models import SkippedEvent


class RestoreForm(forms.Form):
    effect = (
        "A worker rebuilds the projection with this event. If it fails again, it is a dead letter again; until then "
        "readers see the old rows."
    )
    button = "Restore and rebuild"
    dangerous = False

    reason = reason_field("The list of rebuilds and the operator log show it with your name.", max_length=400)


@admin.register(SkippedEvent)
class SkippedEventAdmin(ReadOnlyAdmin):
    access = Logged(Kind.DEAD_LETTERS)
    empty_message = "No event was skipped: every projection has folded all its events, or has them as dead letters."
    list_display = ("event_type", "projection", "error", "reason", "operator", "skip_time", "event_link", "state")
    list_filter = (ProjectionFilter,)
    sortable_by = ()
    ordering = ("-pk",)
    actions_detail = ("restore",)
    fieldsets = (
        section("Skipped in this projection", "projection", "state", "error", "reason", "operator", "skipped_at"),
        section("The event", "event_type", "event_link", "event_id", "aggregate_type", "stream", "version"),
    )

    def detail_context(self, request: HttpRequest, obj: SkippedEvent) -> dict[str, Any]:
        about = about_event(obj.projection, obj.event_id, obj.aggregate_id)
        return {"title": f"Skipped {obj.event_type}", "tables": operator_history(request, about)}

    def has_skip_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("projection_engine.skip_dead_letters")

    @detail_action(permission="skip", description="Restore", icon="undo")
    def restore(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404(f"no skipped event has the id {object_id}")
        back_url = reverse("admin:projection_engine_skippedevent_changelist")
        form = RestoreForm(request.POST or None)
        if not form.is_valid():
            return confirm_with_view_permission(self, request, f"Restore {row}", form, back_url)
        actor, reason = staff_actor(request.user), form.cleaned_data["reason"]
        try:
            job = dead_letter_operations.restore(row.projection, row.event_id, actor=actor, reason=reason)
        except EventShopError as error:
            messages.error(request, f"{error}.")
            return HttpResponseRedirect(back_url)
        messages.success(request, f"Rebuild of {row.projection} requested, with {row.event_type} {row.event_id}.")
        return HttpResponseRedirect(reverse("admin:projection_engine_rebuild_change", args=(job.pk,)))

    @display(description="skipped by")
    def operator(self, row: SkippedEvent) -> str | SafeString:
        return actor_label(row.skipped_by)

    @display(description="skipped")
    def skip_time(self, row: SkippedEvent) -> str | SafeString:
        return datetime_html(row.skipped_at)

    @display(description="position")
    def event_link(self, row: SkippedEvent) -> SafeString:
        return position_link(row.position)

    @display(description="stream")
    def stream(self, row: SkippedEvent) -> SafeString:
        return stream_link(row.aggregate_id)

    @display(description="state", label={"skipped": "warning", "restored by the next rebuild": "info"})
    def state(self, row: SkippedEvent) -> str:
        return "restored by the next rebuild" if row.restored_at else "skipped"
