"""Corrections of events for a projection: the form, the difference, a dry run, approval by a second person."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString

from eventshop.admin_console.confirmation import confirm_with_view_permission, reason_field
from eventshop.admin_console.display_names import actor_label
from eventshop.admin_console.event_detail import event_url, position_link
from eventshop.admin_console.formatting import datetime_html, field_label, format_value
from eventshop.admin_console.list_filters import ProjectionFilter
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.unfold_adapter import detail_action, display
from eventshop.core.errors import EventShopError
from eventshop.operations import dead_letter_operations
from eventshop.operations.access_log.declarations import Kind, Logged
from eventshop.operations.staff_actors import staff_actor
from eventshop.projections import corrections, dead_letter_retry
from eventshop.projections.models import DeadLetter, EventCorrection


class _FieldsField(forms.JSONField):
    """JSON in several lines."""

    def prepare_value(self, value: Any) -> Any:
        return json.dumps(value, ensure_ascii=False, indent=2) if isinstance(value, dict) else value


class CorrectForm(forms.Form):
    """The fields of the event as JSON; what is changed is what the projection reads instead."""

    effect = (
        "The event stays as it is. This projection reads the changed fields in its place, now and in each later "
        "rebuild. Personal fields cannot be corrected."
    )
    button = "Correct"
    dangerous = True

    fields_json = _FieldsField(
        label="Fields",
        widget=forms.Textarea(attrs={"class": "es-input", "rows": 12, "spellcheck": "false"}),
        max_length=100_000,
    )
    reason = reason_field("The correction and the operator log show it with your name.", max_length=400)

    def clean_fields_json(self) -> dict[str, Any]:
        value = self.cleaned_data["fields_json"]
        if not isinstance(value, dict):
            raise forms.ValidationError("Write one JSON object with the fields of the event.")
        return value


class ApproveForm(forms.Form):
    effect = "The projection reads these fields from now on, and the dead letter is retried in a moment."
    button = "Approve"
    dangerous = False


class WithdrawForm(forms.Form):
    effect = (
        "The projection reads the event itself again. If it was folded with the correction, a worker rebuilds the "
        "projection."
    )
    button = "Withdraw"
    dangerous = True

    reason = reason_field("The operator log shows it with your name.", max_length=400)


def answer_correction(
    model_admin: ReadOnlyAdmin, request: HttpRequest, letter: DeadLetter, back_url: str
) -> HttpResponse:
    """Show the form for a dead letter, or store the correction and show it."""
    try:
        initial = {"fields_json": corrections.read_fields(letter.position)}
    except EventShopError as error:
        messages.error(request, f"{error}.")
        return HttpResponseRedirect(back_url)
    form = CorrectForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        try:
            row = dead_letter_operations.correct(
                letter.projection,
                letter.event_id,
                form.cleaned_data["fields_json"],
                actor=staff_actor(request.user),
                reason=form.cleaned_data["reason"],
            )
            return HttpResponseRedirect(_url(row.pk))
        except EventShopError as error:
            form.add_error(None, str(error))
    return confirm_with_view_permission(model_admin, request, f"Correct {letter}", form, back_url)


@admin.register(EventCorrection)
class EventCorrectionAdmin(ReadOnlyAdmin):
    access = Logged(Kind.DEAD_LETTERS)
    empty_message = "No event was corrected: every projection reads its events as they are."
    list_display = ("event_type", "projection", "state", "changed_fields", "reason", "maker", "make_time", "event_link")
    list_filter = (ProjectionFilter,)
    sortable_by = ()
    ordering = ("-pk",)
    actions_detail = ("approve", "withdraw")
    change_form_template = "console/correction.html"

    def has_correct_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("projection_engine.correct_dead_letters")

    def has_approve_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("projection_engine.approve_corrections")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """What holds already is not approved again."""
        actions: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        row = self.get_object(request, str(object_id))
        return [action for action in actions if row is None or action.path != "approve" or row.approved_at is None]

    @detail_action(permission="approve", description="Approve", icon="check")
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self._require(request, object_id)
        if request.method != "POST":
            return confirm_with_view_permission(self, request, f"Approve {row}", ApproveForm(), _url(row.pk))
        try:
            dead_letter_operations.approve(row, actor=staff_actor(request.user))
        except EventShopError as error:
            messages.error(request, f"{error}.")
        return HttpResponseRedirect(_url(row.pk))

    @detail_action(permission="correct", description="Withdraw", icon="undo")
    def withdraw(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self._require(request, object_id)
        form = WithdrawForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            return confirm_with_view_permission(self, request, f"Withdraw {row}", form, _url(row.pk))
        try:
            job = dead_letter_operations.withdraw(
                row, actor=staff_actor(request.user), reason=form.cleaned_data["reason"]
            )
        except EventShopError as error:
            messages.error(request, f"{error}.")
            return HttpResponseRedirect(_url(row.pk))
        messages.success(request, f"{row.event_type} {row.event_id} is read as it is again.")
        if job is not None:
            return HttpResponseRedirect(reverse("admin:projection_engine_rebuild_change", args=(job.pk,)))
        return HttpResponseRedirect(reverse("admin:projection_engine_eventcorrection_changelist"))

    def _require(self, request: HttpRequest, object_id: str) -> EventCorrection:
        row: EventCorrection | None = self.get_object(request, object_id)
        if row is None:
            raise Http404(f"no correction has the id {object_id}")
        return row

    def detail_context(self, request: HttpRequest, obj: EventCorrection) -> dict[str, Any]:
        original, changes = json.loads(obj.original), json.loads(obj.changes)
        return {
            "correction": obj,
            "title": f"Correction of {obj.event_type} for {obj.projection}",
            "state": self.state(obj),
            "event_url": event_url(obj.position),
            "maker": actor_label(obj.made_by),
            "made": datetime_html(obj.made_at),
            "approver": actor_label(obj.approved_by) if obj.approved_by else "",
            "fields": [
                (field_label(name), format_value(original.get(name)), format_value(value))
                for name, value in changes.items()
            ],
            "preview": _preview(obj.projection, obj.event_id, changes) if "dry-run" in request.GET else None,
            "is_queued": DeadLetter.objects.filter(projection=obj.projection, event_id=obj.event_id).exists(),
        }

    @display(description="state", label={"holds": "success", "waits for a second person": "warning"})
    def state(self, row: EventCorrection) -> str:
        return "holds" if row.approved_at else "waits for a second person"

    @display(description="fields")
    def changed_fields(self, row: EventCorrection) -> str:
        return ", ".join(field_label(name) for name in json.loads(row.changes))

    @display(description="made by")
    def maker(self, row: EventCorrection) -> str | SafeString:
        return actor_label(row.made_by)

    @display(description="made")
    def make_time(self, row: EventCorrection) -> str | SafeString:
        return datetime_html(row.made_at)

    @display(description="position")
    def event_link(self, row: EventCorrection) -> SafeString:
        return position_link(row.position)


def _preview(name: str, event_id: UUID, changes: dict[str, Any]) -> dead_letter_retry.RetryPreview | None:
    letter = DeadLetter.objects.filter(projection=name, event_id=event_id).first()
    if letter is None:
        return None
    try:
        return dead_letter_retry.preview_retry(name, letter.aggregate_id, {event_id: changes})
    except EventShopError:  # a projection of a newer or an older program
        return None


def _url(correction_id: int) -> str:
    return reverse("admin:projection_engine_eventcorrection_change", args=(correction_id,))
