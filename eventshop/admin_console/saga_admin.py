"""Sagas: suspended ones first, the timeline of each, and the operator actions."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Final
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.safestring import SafeString

from eventshop.admin_console.confirmation import confirm_with_view_permission, reason_field
from eventshop.admin_console.display_names import short_name
from eventshop.admin_console.estimated_pagination import CountedChangeList
from eventshop.admin_console.formatting import EMPTY_VALUE, datetime_html, field_label, format_value, indent_json
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.registry import find_row_pages, find_streams, name_streams
from eventshop.admin_console.saga_groups import group_urls
from eventshop.admin_console.saga_timeline import (
    MAX_ENTRIES,
    failing_step,
    load_timeline,
    pending_results,
    pending_timers,
    saga_url,
)
from eventshop.admin_console.search import parse_uuid
from eventshop.admin_console.unfold_adapter import ChoicesDropdownFilter, DropdownFilter, detail_action, display
from eventshop.core.errors import EventShopError
from eventshop.eventstore.models import StoredEvent
from eventshop.operations import saga_operations
from eventshop.operations.access_log.declarations import Kind, Logged
from eventshop.operations.staff_actors import staff_actor
from eventshop.sagas import live_points
from eventshop.sagas.models import Saga, SagaLivePoint, SagaStep
from eventshop.sagas.saga_registry import saga_registry
from eventshop.sagas.step_failures import retrying_of, retrying_steps
from eventshop.sagas.usual_waits import is_overdue, overdue_sagas, usual_limit

#: What the list says of running sagas of which a step fails, and that take longer than their kind usually does.
RETRYING: Final = "Retrying"
OVERDUE: Final = "Longer than usual"

STATUS_COLOURS = {
    "Running": "info",
    "Ended": "success",
    "Suspended": "danger",
    "Resolved": "warning",
    RETRYING: "warning",
    OVERDUE: "warning",
}


class OperatorRequestForm(forms.Form):
    """The reason for an operator action; the saga's timeline keeps it with the operator's name."""

    effect: ClassVar[str]
    button: ClassVar[str]
    dangerous: ClassVar[bool] = False

    reason = reason_field("The saga's timeline shows it with your name.", max_length=200)


class RetryNowForm(forms.Form):
    effect = "The next try of the failing step is now instead of later."
    button = "Retry now"
    dangerous = False


class RetrySagaForm(OperatorRequestForm):
    effect = "The failed step is tried again, and the saga then processes the deferred messages."
    button = "Try again"


class CompensateSagaForm(OperatorRequestForm):
    effect = "The saga compensates its completed steps where possible, and the failed step is skipped."
    button = "Compensate"
    dangerous = True


class ResolveSagaForm(OperatorRequestForm):
    effect = (
        "The saga ignores all further messages and gives up its open steps. Do this after you have completed the "
        "process by hand."
    )
    button = "Mark resolved"
    dangerous = True


class SagaKindFilter(DropdownFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind, kind) for kind in sorted(saga_registry.versions_by_kind)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


class SagaWaitFilter(DropdownFilter):
    title = "held up"
    parameter_name = "wait"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("retrying", "a step is retried"), ("overdue", "longer than usual")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "retrying":
            return queryset.filter(pk__in=retrying_steps().order_by().values("saga_id"))
        if self.value() == "overdue":
            return queryset.filter(pk__in=overdue_sagas(list(saga_registry.versions_by_kind)).values("pk"))
        return queryset


_BADGE_TONES: Final = {Saga.Status.SUSPENDED: "bad", Saga.Status.ENDED: "good", Saga.Status.RESOLVED: "warn"}
#: The statuses in which each button applies.
_ALLOWED_STATUSES: Final = {
    "retry": {Saga.Status.SUSPENDED},
    "compensate": set(Saga.Status) - {Saga.Status.RESOLVED},
    "resolve": set(Saga.Status) - {Saga.Status.RESOLVED, Saga.Status.ENDED},
}


class SagaChangeList(CountedChangeList):
    """Newest first; on the first page after the suspended and the retrying ones, of which the longest come first."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if self.page_num == 1 and "status__exact" not in self.params:
            self._put_held_up_first()
        retrying = retrying_of([saga.pk for saga in self.result_list])
        names = name_streams({saga.subject_id for saga in self.result_list})
        for saga in self.result_list:
            saga.failing_step, saga.subject_name = retrying.get(saga.pk), names.get(saga.subject_id, "")

    def _put_held_up_first(self) -> None:
        suspended = self.queryset.filter(status=Saga.Status.SUSPENDED).order_by("moved_at")
        failing = list(retrying_steps().order_by().values_list("saga_id", flat=True)[: self.list_per_page])
        retrying = self.queryset.filter(pk__in=failing).exclude(status=Saga.Status.SUSPENDED).order_by("started_at")
        first = [*suspended[: self.list_per_page], *retrying]
        first_ids = {saga.pk for saga in first}
        self.result_list = [*first, *(saga for saga in self.result_list if saga.pk not in first_ids)]


@admin.register(Saga)
class SagaAdmin(ReadOnlyAdmin):
    access = Logged(Kind.SAGAS)
    empty_message = "No saga was started yet."
    list_display = (
        "saga_name",
        "subject_code",
        "status_badge",
        "past_text",
        "start_time",
        "last_message_time",
        "steps",
        "error_text",
    )
    list_display_links = ("saga_name",)
    list_filter = (SagaKindFilter, ("status", ChoicesDropdownFilter), SagaWaitFilter, "muted")
    search_fields = ("saga_id",)
    search_help_text = "Saga, subject, correlation, event or command id; order number"
    sortable_by = ()
    ordering = ("-started_at", "pk")
    change_form_template = "console/saga.html"
    actions_detail = ("retry_now", "retry", "compensate", "resolve")
    list_before_template = "console/saga_groups_link.html"

    def get_urls(self) -> list[Any]:
        return [*group_urls(self), *super().get_urls()]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[SagaChangeList]:
        return SagaChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return (queryset.filter(match_sagas(search_term.strip())) if search_term.strip() else queryset), False

    def has_operate_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("process.operate_saga")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only the buttons that the saga's status allows."""
        actions: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        saga = self.get_object(request, str(object_id))
        is_retrying = saga is not None and bool(retrying_of([saga.pk]))
        allowed = {name for name, statuses in _ALLOWED_STATUSES.items() if saga is None or saga.status in statuses}
        allowed |= {"retry_now"} if saga is None or is_retrying else set()
        return [action for action in actions if action.path in allowed]

    @detail_action(permission="operate", description="Retry now", icon="bolt")
    def retry_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        saga = self.get_object(request, object_id)
        if saga is None:
            raise Http404(f"no saga has the id {object_id}")
        target, back_url = short_name(saga.kind, saga.pk), saga_url(saga.pk)
        if request.method != "POST":
            return confirm_with_view_permission(self, request, f"Retry {target} now", RetryNowForm(), back_url)
        try:
            saga_operations.act(saga.pk, "retry-now", actor=staff_actor(request.user))
        except EventShopError as error:
            messages.error(request, f"{error}.")
        else:
            messages.success(request, "A worker tries the step again in a moment.")
        return HttpResponseRedirect(back_url)

    @detail_action(permission="operate", description="Retry", icon="replay")
    def retry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._handle_request(request, object_id, "retry", RetrySagaForm)

    @detail_action(permission="operate", description="Compensate", icon="undo")
    def compensate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._handle_request(request, object_id, "compensate", CompensateSagaForm)

    @detail_action(permission="operate", description="Mark resolved", icon="done_all")
    def resolve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._handle_request(request, object_id, "resolve", ResolveSagaForm)

    def detail_context(self, request: HttpRequest, obj: Saga) -> dict[str, Any]:
        timeline = load_timeline(obj)
        return {
            "saga": obj,
            "title": obj.kind,
            "subtitle": str(obj.pk),
            "failing_steps": [failing_step(step) for step in retrying_of([obj.pk]).values()],
            "is_overdue": is_overdue(obj),
            "usual": usual_limit(obj.kind),
            "waits": pending_results(obj),
            "badge": _BADGE_TONES.get(Saga.Status(obj.status), ""),
            "subject_pages": _find_subject_pages(obj.subject_id),
            "times": [
                *_past_of(obj),
                ("Started", datetime_html(obj.started_at)),
                ("Last message", datetime_html(obj.moved_at)),
            ],
            "timeline": timeline,
            "is_truncated": len(timeline) >= MAX_ENTRIES,
            "timers": pending_timers(obj),
            "state": [
                (field_label(name), format_value(value) if value != {} else EMPTY_VALUE)
                for name, value in _decode_state(obj).items()
            ],
            "state_json": indent_json(obj.state),
        }

    @display(description="saga")
    def saga_name(self, saga: Saga) -> str:
        return short_name(saga.kind, saga.pk)

    @display(description="subject")
    def subject_code(self, saga: Any) -> SafeString:
        text = saga.subject_name or f"…{str(saga.subject_id)[-8:]}"
        return format_html('<code title="{}">{}</code>', saga.subject_id, text)

    @display(description="state", label=STATUS_COLOURS)
    def status_badge(self, saga: Any) -> str:
        if saga.status == Saga.Status.RUNNING and saga.failing_step is not None:
            return RETRYING
        return OVERDUE if is_overdue(saga) else str(saga.get_status_display())

    @display(description="past")
    def past_text(self, saga: Saga) -> str:
        return "muted" if saga.muted else ""

    @display(description="started")
    def start_time(self, saga: Saga) -> str | SafeString:
        return datetime_html(saga.started_at)

    @display(description="last message")
    def last_message_time(self, saga: Saga) -> str | SafeString:
        return datetime_html(saga.moved_at)

    @display(description="error")
    def error_text(self, saga: Any) -> str:
        step = saga.failing_step
        if saga.error or step is None:
            return str(saga.error[:120])
        return f"{step.name}, {step.attempts} tries: {step.answer[:100]}"

    def _handle_request(
        self,
        request: HttpRequest,
        object_id: str,
        verb: str,
        form_class: type[OperatorRequestForm],
    ) -> HttpResponse:
        saga = self.get_object(request, object_id)
        if saga is None:
            raise Http404(f"no saga has the id {object_id}")
        form = form_class(request.POST if request.method == "POST" else None)
        back_url = saga_url(saga.pk)
        if request.method == "POST" and form.is_valid():
            try:
                actor, reason = staff_actor(request.user), form.cleaned_data["reason"]
                saga_operations.act(saga.pk, verb, actor=actor, reason=reason)
            except EventShopError as error:
                messages.error(request, f"{error}.")
            else:
                messages.success(
                    request, "The request was added to the saga's timeline. A worker processes it in a moment."
                )
            return HttpResponseRedirect(back_url)
        return confirm_with_view_permission(
            self, request, f"{form.button}: {short_name(saga.kind, saga.pk)}", form, back_url
        )


def _past_of(saga: Saga) -> list[tuple[str, str]]:
    """While the saga is muted: how far its kind has come with the past."""
    if not saga.muted:
        return []
    point = SagaLivePoint.objects.filter(kind=saga.kind, version=saga.version).first()
    return [("Past", live_points.describe(point) if point is not None and point.live_at is None else "muted")]


def match_sagas(text: str) -> Q:
    """A condition for the sagas that an id or a business reference denotes. Every look-up uses an index."""
    identity = parse_uuid(text)
    if identity is None:
        return Q(subject_id__in=find_streams(text)[:50])
    own = Q(pk=identity) | Q(subject_id=identity) | Q(correlation_id=identity)
    step = SagaStep.objects.filter(pk=identity).values_list("saga_id", flat=True).first()
    event = StoredEvent.objects.filter(event_id=identity).values_list("correlation_id", flat=True).first()
    return own | Q(pk=step) | Q(correlation_id=event) if step or event else own


def _find_subject_pages(subject_id: UUID) -> list[Any]:
    stream = StoredEvent.objects.filter(aggregate_id=subject_id, version=1).values_list("aggregate_type", flat=True)
    return [link for aggregate_type in stream for link in find_row_pages(aggregate_type, subject_id)]


def _decode_state(saga: Saga) -> dict[str, Any]:
    try:
        state = json.loads(saga.state)
    except ValueError:
        return {}
    return state if isinstance(state, dict) else {}
