"""Dead letters of the projections: the error of each, the events that wait behind it, and the retry action."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from eventshop.admin_console.confirmation import confirm_with_view_permission
from eventshop.admin_console.event_detail import event_url
from eventshop.admin_console.formatting import datetime_html
from eventshop.admin_console.list_filters import ProjectionFilter
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.unfold_adapter import detail_action, display
from eventshop.core.errors import EventShopError
from eventshop.operations.access_log.declarations import Kind, Logged
from eventshop.projections import dead_letters
from eventshop.projections.models import DeadLetter

#: Aggregates that one retry from the list processes.
MAX_AGGREGATES = 100


class RetryDeadLettersForm(forms.Form):
    effect = "The dead letters of this aggregate are folded in order, until one fails again."
    button = "Retry now"
    dangerous = False


@admin.register(DeadLetter)
class DeadLetterAdmin(ReadOnlyAdmin):
    access = Logged(Kind.DEAD_LETTERS)
    empty_message = "There are no dead letters: the projections have folded every event that they have read."
    list_display = (
        "event_type",
        "projection",
        "error_text",
        "attempts",
        "since",
        "next_attempt_time",
        "aggregate_link",
        "version",
        "event_link",
    )
    list_filter = (ProjectionFilter,)
    sortable_by = ()
    ordering = ("projection", "aggregate_id", "position")
    actions = ("retry_selected",)
    actions_detail = ("retry",)
    change_form_template = "console/dead_letter.html"

    def has_retry_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("projection_engine.retry_dead_letters")

    @admin.action(permissions=["retry"], description="Retry now")
    def retry_selected(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        queues = set(rows.values_list("projection", "aggregate_id")[:MAX_AGGREGATES])
        for projection, aggregate_id in sorted(queues):
            retry_and_report(request, projection, aggregate_id)

    @detail_action(permission="retry", description="Retry now", icon="replay")
    def retry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        back_url = reverse("admin:projection_engine_deadletter_changelist")
        row = self.get_object(request, object_id)
        if row is None:
            messages.info(request, "This event is no longer a dead letter.")
            return HttpResponseRedirect(back_url)
        if request.method == "POST":
            retry_and_report(request, row.projection, row.aggregate_id)
            return HttpResponseRedirect(back_url)
        title = f"Retry {row.aggregate_type} {row.aggregate_id} in {row.projection}"
        return confirm_with_view_permission(self, request, title, RetryDeadLettersForm(), back_url)

    def detail_context(self, request: HttpRequest, obj: DeadLetter) -> dict[str, Any]:
        queue = DeadLetter.objects.filter(projection=obj.projection, aggregate_id=obj.aggregate_id)
        return {
            "dead_letter": obj,
            "title": f"{obj.event_type} failed in {obj.projection}",
            "subtitle": f"version {obj.version} of {obj.aggregate_type} {obj.aggregate_id}",
            "event_url": event_url(obj.position),
            "times": [
                ("Dead letter since", datetime_html(obj.parked_at)),
                ("Last attempt", datetime_html(obj.last_attempt_at)),
                ("Next attempt", datetime_html(obj.next_attempt_at)),
            ],
            "queue": list(queue.order_by("position")[:50]),
        }

    @display(description="error")
    def error_text(self, row: DeadLetter) -> str:
        if row.waits_for:
            return f"waits for a release with {row.waits_for}"
        return row.error[:120] or "waits behind an earlier event"

    @display(description="since")
    def since(self, row: DeadLetter) -> str | SafeString:
        return datetime_html(row.parked_at)

    @display(description="next attempt")
    def next_attempt_time(self, row: DeadLetter) -> str | SafeString:
        return datetime_html(row.next_attempt_at)

    @display(description="aggregate")
    def aggregate_link(self, row: DeadLetter) -> SafeString:
        url = reverse("admin:ops_stream_change", args=(row.aggregate_id,))
        return format_html(
            '<a class="es-link" href="{}">{} …{}</a>', url, row.aggregate_type, str(row.aggregate_id)[-8:]
        )

    @display(description="position")
    def event_link(self, row: DeadLetter) -> SafeString:
        return format_html('<a class="es-link" href="{}">{}</a>', event_url(row.position), f"{row.position:,}")


def retry_and_report(request: HttpRequest, projection: str, aggregate_id: UUID) -> None:
    """Retry the dead letters of one aggregate and report the result."""
    try:
        result = dead_letters.retry(projection, aggregate_id)
    except EventShopError as error:
        messages.error(request, f"{projection}: {error}.")
        return
    message = f"{projection}, {aggregate_id}: {result.folded} folded, {result.remaining} dead letters left."
    (messages.warning if result.remaining else messages.success)(request, message)
