"""Unreadable records: what readers of the log found that is no event of ours. Its bytes are not shown."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString

from eventshop.admin_console.confirmation import confirm_with_view_permission
from eventshop.admin_console.dead_letter_admin import RetryDeadLettersForm, SkipForm
from eventshop.admin_console.formatting import EMPTY_VALUE, datetime_html
from eventshop.admin_console.list_filters import CauseFilter, ProjectionFilter
from eventshop.admin_console.operator_history import operator_history
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.row_page import Table, link, section
from eventshop.admin_console.unfold_adapter import detail_action, display
from eventshop.core.errors import EventShopError
from eventshop.messaging.models import AcknowledgedRecord
from eventshop.operations import unreadable_records
from eventshop.operations.access_log.declarations import Kind, Logged
from eventshop.operations.staff_actors import staff_actor
from eventshop.projections.models import UnreadableRecord

#: Causes that the list shows above its rows.
MAX_CAUSES: Final = 20


class RetryRecordForm(RetryDeadLettersForm):
    effect = "The stored bytes are read again with this release. What is an event by now is no longer listed."


class SkipRecordForm(SkipForm):
    effect = (
        "The record is acknowledged: it stays on the topic, and neither health nor verify_log speaks of it any more. "
        "No projection misses an event: those that lack on the topic are read from the event table."
    )


@admin.register(UnreadableRecord)
class UnreadableRecordAdmin(ReadOnlyAdmin):
    access = Logged(Kind.DEAD_LETTERS)
    empty_message = "Every record on the log was an event of ours."
    list_display = ("record", "projection", "error", "state", "attempts", "size", "find_time")
    list_filter = (ProjectionFilter, CauseFilter)
    sortable_by = ()
    ordering = ("-pk",)
    list_before_template = "console/unreadable_causes.html"
    actions_detail = ("retry", "skip", "retry_cause", "skip_cause")
    fieldsets = (
        section("Cause", "error", "state", "attempts", "last_attempt_at", "now"),
        section("Record", "topic", "partition", "offset", "size", "find_time"),
    )

    def has_retry_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("projection_engine.retry_dead_letters")

    def has_skip_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("projection_engine.skip_dead_letters")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {"record_causes": unreadable_records.causes(MAX_CAUSES), **(extra_context or {})}
        return super().changelist_view(request, context)

    def detail_context(self, request: HttpRequest, obj: UnreadableRecord) -> dict[str, Any]:
        rows = unreadable_records.rows_of(obj)
        return {
            "title": f"Record {obj}",
            "tables": [
                Table(
                    "Projections that came across it",
                    ("Projection", "Found"),
                    [(link(_url(row), row.projection), datetime_html(row.found_at)) for row in rows],
                    "None.",
                ),
                Table(
                    "Headers",
                    ("Name", "Bytes"),
                    [(name, f"{len(value):,}") for name, value in obj.headers],
                    "The record has no headers.",
                    frozenset({"Bytes"}),
                ),
                *operator_history(request, Q(target=str(obj))),
            ],
        }

    @detail_action(permission="retry", description="Retry now", icon="replay")
    def retry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        form = RetryRecordForm(request.POST if request.method == "POST" else None)
        return self._act(request, object_id, "Read {} again", form, _retry)

    @detail_action(permission="skip", description="Skip", icon="skip_next")
    def skip(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._act(request, object_id, "Skip {}", SkipRecordForm(request.POST or None), _skip)

    @detail_action(permission="retry", description="Retry all of this cause", icon="replay_circle_filled")
    def retry_cause(self, request: HttpRequest, object_id: str) -> HttpResponse:
        form = RetryRecordForm(request.POST if request.method == "POST" else None)
        return self._act(request, object_id, "Read all records like {} again", form, _retry_cause)

    @detail_action(permission="skip", description="Skip all of this cause", icon="fast_forward")
    def skip_cause(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._act(
            request, object_id, "Skip all records like {}", SkipRecordForm(request.POST or None), _skip_cause
        )

    def _act(self, request: HttpRequest, object_id: str, title: str, form: forms.Form, act: Any) -> HttpResponse:
        """Ask, or do it and say what became of it."""
        row = self.get_object(request, object_id)
        if row is None:
            messages.info(request, "This record is no longer listed.")
            return HttpResponseRedirect(_list_url())
        if not form.is_valid():
            return confirm_with_view_permission(self, request, title.format(row), form, _list_url())
        try:
            level, text = act(row, staff_actor(request.user), form.cleaned_data.get("reason", ""))
            messages.add_message(request, level, text)
        except EventShopError as error:
            messages.error(request, f"{error}.")
        return HttpResponseRedirect(_list_url())

    @display(description="record")
    def record(self, row: UnreadableRecord) -> str:
        return str(row)

    @display(description="state", label={"open": "danger", "acknowledged": "success"})
    def state(self, row: UnreadableRecord) -> str:
        place = {"topic": row.topic, "partition": row.partition, "offset": row.offset}
        return "acknowledged" if AcknowledgedRecord.objects.filter(**place).exists() else "open"

    @display(description="read with this release")
    def now(self, row: UnreadableRecord) -> str:
        verdict = unreadable_records.read_again(row)
        return f"It is {verdict.text}: retry it" if verdict.is_readable else f"It cannot be read: {verdict.text}"

    @display(description="bytes", number=True)
    def size(self, row: UnreadableRecord) -> str:
        return f"{len(row.key or b'') + len(row.value or b''):,}"

    @display(description="found")
    def find_time(self, row: UnreadableRecord) -> str | SafeString:
        return datetime_html(row.found_at) or EMPTY_VALUE


def _retry(row: UnreadableRecord, actor: str, reason: str) -> tuple[int, str]:
    verdict = unreadable_records.retry(row, actor=actor)
    if verdict.is_readable:
        return messages.SUCCESS, f"{row} is {verdict.text}."
    return messages.WARNING, f"{row} cannot be read: {verdict.text}."


def _skip(row: UnreadableRecord, actor: str, reason: str) -> tuple[int, str]:
    unreadable_records.skip(row, actor=actor, reason=reason)
    return messages.SUCCESS, f"{row} is acknowledged."


def _retry_cause(row: UnreadableRecord, actor: str, reason: str) -> tuple[int, str]:
    readable, others = unreadable_records.retry_cause(row.fingerprint, actor=actor)
    level = messages.WARNING if others else messages.SUCCESS
    return level, f"{readable:,} records are events by now, {others:,} cannot be read."


def _skip_cause(row: UnreadableRecord, actor: str, reason: str) -> tuple[int, str]:
    number = unreadable_records.skip_cause(row.fingerprint, actor=actor, reason=reason)
    return messages.SUCCESS, f"{number:,} records are acknowledged."


def _url(row: UnreadableRecord) -> str:
    return reverse("admin:projection_engine_unreadablerecord_change", args=(row.pk,))


def _list_url() -> str:
    return reverse("admin:projection_engine_unreadablerecord_changelist")
