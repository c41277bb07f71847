"""Dead letters of the projections: the error of each, the events that wait behind it, and the retry action."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, Min, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from eventshop.admin_console.confirmation import confirm_with_view_permission, reason_field
from eventshop.admin_console.correction_admin import answer_correction
from eventshop.admin_console.event_detail import event_url, position_link
from eventshop.admin_console.formatting import datetime_html
from eventshop.admin_console.list_filters import CauseFilter, ProjectionFilter
from eventshop.admin_console.operator_history import about_event, operator_history
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.set_aside import held_up_sagas, record_causes, set_aside_elsewhere
from eventshop.admin_console.unfold_adapter import detail_action, display
from eventshop.core.errors import EventShopError
from eventshop.operations import dead_letter_operations
from eventshop.operations.access_log.declarations import Kind, Logged
from eventshop.operations.staff_actors import staff_actor
from eventshop.projections import dead_letter_retry, dead_letters
from eventshop.projections.dead_letter_jobs import Verb
from eventshop.projections.dead_letter_retry import RetryPreview
from eventshop.projections.models import DeadLetter, DeadLetterJob

#: Aggregates that one retry from the list processes.
MAX_AGGREGATES: Final = 100
#: Causes that the list shows above its rows.
MAX_CAUSES: Final = 20


class RetryDeadLettersForm(forms.Form):
    effect = "The dead letters of this aggregate are folded in order, until one fails again."
    button = "Retry now"
    dangerous = False


class RetryUpToHereForm(forms.Form):
    effect = (
        "The dead letters of this aggregate are folded in order up to this one, or until one fails again. Those behind "
        "it wait for you; after an hour they go on by themselves."
    )
    button = "Retry up to here"
    dangerous = False


class RetryCauseForm(forms.Form):
    effect = (
        "A worker retries all dead letters with this cause one after the other, each with those that wait behind it."
    )
    button = "Retry all"
    dangerous = False


class SkipForm(forms.Form):
    """The reason for skipping; the list of skipped events and the operator log show it."""

    effect = (
        "The projection goes on without this event, and so does each later rebuild. The event itself stays. It can be "
        "restored, by a rebuild."
    )
    button = "Skip"
    dangerous = True

    reason = reason_field("The list of skipped events and the operator log show it with your name.")


class SkipCauseForm(SkipForm):
    effect = (
        "The projection goes on without all events that fail with this cause, and so does each later rebuild. The "
        "events themselves stay. Each can be restored, by a rebuild."
    )
    button = "Skip all"


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
    list_filter = (ProjectionFilter, CauseFilter)
    sortable_by = ()
    ordering = ("projection", "aggregate_id", "position")
    actions = ("retry_selected",)
    actions_detail = ("retry", "retry_up_to_here", "skip", "correct", "retry_cause", "skip_cause")
    list_before_template = "console/dead_letter_causes.html"
    change_form_template = "console/dead_letter.html"

    def has_retry_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("projection_engine.retry_dead_letters")

    def has_skip_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("projection_engine.skip_dead_letters")

    def has_correct_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("projection_engine.correct_dead_letters")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only the buttons that this dead letter allows: what waits behind another one is not skipped."""
        actions: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        row = self.get_object(request, str(object_id))
        return (
            actions
            if row is None or row.error
            else [action for action in actions if action.path in ("retry", "retry_up_to_here")]
        )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        failing = DeadLetter.objects.exclude(error="").values("projection", "fingerprint")
        causes = failing.annotate(count=Count("pk"), since=Min("parked_at"), first=Min("pk")).order_by(
            "-count", "since"
        )
        context = {
            "causes": causes[:MAX_CAUSES],
            "set_aside": set_aside_elsewhere(request),
            **held_up_sagas(request),
            **record_causes(request),
            "jobs": _open_jobs(request),
            "changelist_url": request.path,
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    @admin.action(permissions=["retry"], description="Retry now")
    def retry_selected(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        queues = sorted(set(rows.values_list("projection", "aggregate_id")[:MAX_AGGREGATES]))
        try:
            actor = staff_actor(request.user)
            results = [dead_letter_operations.retry(name, aggregate, actor=actor) for name, aggregate in queues]
        except EventShopError as error:
            messages.error(request, f"{error}.")
            return
        folded, remaining = sum(result.folded for result in results), sum(result.remaining for result in results)
        level = messages.WARNING if remaining else messages.SUCCESS
        text = f"{len(queues)} aggregates: {folded} events folded, {remaining} dead letters left."
        messages.add_message(request, level, text)

    @detail_action(permission="retry", description="Retry now", icon="replay")
    def retry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            return _report_gone(request)
        return self._retry(request, row, RetryDeadLettersForm(), up_to=None)

    @detail_action(permission="retry", description="Retry up to here", icon="vertical_align_bottom")
    def retry_up_to_here(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            return _report_gone(request)
        return self._retry(request, row, RetryUpToHereForm(), up_to=row.position)

    def _retry(self, request: HttpRequest, row: DeadLetter, form: forms.Form, *, up_to: int | None) -> HttpResponse:
        """Ask, or retry the queue and say what became of it."""
        if request.method != "POST":
            title = f"Retry {row.aggregate_type} {row.aggregate_id} in {row.projection}"
            return confirm_with_view_permission(self, request, title, form, _list_url())
        try:
            actor = staff_actor(request.user)
            result = dead_letter_operations.retry(row.projection, row.aggregate_id, actor=actor, up_to=up_to)
        except EventShopError as error:
            messages.error(request, f"{row.projection}: {error}.")
        else:
            text = (
                f"{row.projection}, {row.aggregate_id}: {result.folded} folded, {result.remaining} dead letters left."
            )
            messages.add_message(request, messages.WARNING if result.remaining else messages.SUCCESS, text)
        return HttpResponseRedirect(_list_url())

    @detail_action(permission="skip", description="Skip", icon="skip_next")
    def skip(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            return _report_gone(request)
        form = SkipForm(request.POST or None)
        if not form.is_valid():
            return confirm_with_view_permission(self, request, f"Skip {row}", form, _list_url())
        actor, reason = staff_actor(request.user), form.cleaned_data["reason"]
        try:
            dead_letter_operations.skip(row.projection, row.event_id, actor=actor, reason=reason)
        except EventShopError as error:
            messages.error(request, f"{error}.")
        else:
            messages.success(request, f"{row} is skipped. What waited behind it is folded in a moment.")
        return HttpResponseRedirect(_list_url())

    @detail_action(permission="correct", description="Correct", icon="edit")
    def correct(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        return _report_gone(request) if row is None else answer_correction(self, request, row, _list_url())

    @detail_action(permission="retry", description="Retry all of this cause", icon="replay_circle_filled")
    def retry_cause(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            return _report_gone(request)
        form = RetryCauseForm(request.POST if request.method == "POST" else None)
        return self._act_on_cause(request, row, Verb.RETRY, form)

    @detail_action(permission="skip", description="Skip all of this cause", icon="fast_forward")
    def skip_cause(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            return _report_gone(request)
        form = SkipCauseForm(request.POST if request.method == "POST" else None)
        return self._act_on_cause(request, row, Verb.SKIP, form)

    def _act_on_cause(self, request: HttpRequest, row: DeadLetter, verb: Verb, form: forms.Form) -> HttpResponse:
        """Ask, or request the job and show its progress."""
        if not form.is_valid():
            title = f"{verb.label} all of {row.projection}: {row.fingerprint}"
            return confirm_with_view_permission(self, request, title, form, _list_url())
        actor, reason = staff_actor(request.user), form.cleaned_data.get("reason", "")
        try:
            job = dead_letter_operations.act_on_cause(row.projection, row.fingerprint, verb, actor=actor, reason=reason)
        except EventShopError as error:
            messages.error(request, f"{error}.")
            return HttpResponseRedirect(_list_url())
        if not request.user.has_perm("projection_engine.view_deadletterjob"):
            messages.success(request, f"{job} is requested: {job.total:,} dead letters.")
            return HttpResponseRedirect(_list_url())
        return HttpResponseRedirect(reverse("admin:projection_engine_deadletterjob_change", args=(job.pk,)))

    def detail_context(self, request: HttpRequest, obj: DeadLetter) -> dict[str, Any]:
        queue = dead_letters.queue_of(obj.projection, obj.aggregate_id)
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
            "queue": list(queue[:50]),
            "preview": _preview(obj) if "dry-run" in request.GET else None,
            "tables": operator_history(
                request, about_event(obj.projection, obj.event_id, obj.aggregate_id, obj.fingerprint)
            ),
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
        return position_link(row.position)


def _open_jobs(request: HttpRequest) -> list[DeadLetterJob]:
    if not request.user.has_perm("projection_engine.view_deadletterjob"):
        return []
    return list(DeadLetterJob.objects.filter(state__in=DeadLetterJob.OPEN).order_by("pk")[:MAX_CAUSES])


def _preview(row: DeadLetter) -> RetryPreview | None:
    try:
        return dead_letter_retry.preview_retry(row.projection, row.aggregate_id)
    except EventShopError:  # a projection of a newer or an older program
        return None


def _report_gone(request: HttpRequest) -> HttpResponse:
    messages.info(request, "This event is no longer a dead letter.")
    return HttpResponseRedirect(_list_url())


def _list_url() -> str:
    return reverse("admin:projection_engine_deadletter_changelist")
