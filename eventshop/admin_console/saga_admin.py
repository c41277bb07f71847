"""Sagas: those that wait for a person first, the story of each, and what a person can do about it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar, Final
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.safestring import SafeString

from eventshop.admin_console.confirmation import confirm_with_view_permission
from eventshop.admin_console.display_names import short_name
from eventshop.admin_console.estimated_pagination import BoundedPaginator, CountedChangeList
from eventshop.admin_console.formatting import EMPTY_VALUE, field_label, indent_json, format_value, moment_html
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.registry import find_row_pages, find_streams
from eventshop.admin_console.saga_timeline import MAX_ENTRIES, load_timeline, saga_url, pending_timers
from eventshop.admin_console.search import parse_uuid
from eventshop.admin_console.unfold_adapter import ChoicesDropdownFilter, DropdownFilter, detail_action, display
from eventshop.core.errors import EventShopError
from eventshop.eventstore.models import StoredEvent
from eventshop.sagas import operator_actions
from eventshop.sagas.models import Saga, SagaStep
from eventshop.sagas.saga_registry import saga_registry

STATUS_COLOURS = {"running": "info", "ended": "success", "stuck": "danger", "resolved": "warning"}


class OperatorRequestForm(forms.Form):
    """Why a person steps in; it stays in the saga's story with their name."""

    effect: ClassVar[str]
    button: ClassVar[str]
    dangerous: ClassVar[bool] = False

    reason = forms.CharField(
        max_length=200,
        help_text="Stays in the saga's story, with your name.",
        widget=forms.TextInput(attrs={"class": "es-input"}),
    )


class RetrySagaForm(OperatorRequestForm):
    effect = "The step that failed is tried again, and what the saga could not hear meanwhile it hears now."
    button = "Try again"


class CompensateSagaForm(OperatorRequestForm):
    effect = "The saga undoes what it has done as far as that goes; what made it stuck is passed over."
    button = "Compensate"
    dangerous = True


class ResolveSagaForm(OperatorRequestForm):
    effect = "The saga hears nothing any more, and its open steps are given up: you have seen to the rest yourself."
    button = "Mark resolved"
    dangerous = True


class SagaKindFilter(DropdownFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind, kind) for kind in sorted(saga_registry.versions_by_kind)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


#: In which states each button makes sense.
_ALLOWED_STATUSES: Final = {
    "retry": {Saga.Status.SUSPENDED},
    "compensate": set(Saga.Status) - {Saga.Status.RESOLVED},
    "resolve": set(Saga.Status) - {Saga.Status.RESOLVED, Saga.Status.ENDED},
}


class SagaChangeList(CountedChangeList):
    """Newest first, but on the first page those that are stuck stand before them, the longest stuck on top."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if self.page_num > 1 or "status__exact" in self.params:
            return
        stuck = self.queryset.filter(status=Saga.Status.SUSPENDED).order_by("moved_at")
        first = list(stuck[: self.list_per_page])
        above = {saga.pk for saga in first}
        self.result_list = [*first, *(saga for saga in self.result_list if saga.pk not in above)]


@admin.register(Saga)
class SagaAdmin(ReadOnlyAdmin):
    empty_message = "No process was started yet."
    list_display = ("of_kind", "subject", "state_now", "age", "moved", "steps", "why")
    list_display_links = ("of_kind",)
    list_filter = (SagaKindFilter, ("status", ChoicesDropdownFilter))
    search_fields = ("saga_id",)
    search_help_text = "Saga, subject, correlation, event or command id; order number"
    sortable_by = ()
    ordering = ("-started_at", "pk")
    paginator = BoundedPaginator
    change_form_template = "console/saga.html"
    actions_detail = ("retry", "compensate", "resolve")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[SagaChangeList]:
        return SagaChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return (queryset.filter(match_sagas(search_term.strip())) if search_term.strip() else queryset), False

    def has_operate_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("process.mend_saga")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only what its state allows: a retry of what is stuck, nothing more once somebody has seen to it."""
        offered: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        saga = self.get_object(request, str(object_id))
        return [it for it in offered if saga is None or saga.status in _ALLOWED_STATUSES[it.path]]

    @detail_action(permission="mend", description="Retry", icon="replay")
    def retry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._handle_request(request, object_id, "Retry", RetrySagaForm, operator_actions.retry)

    @detail_action(permission="mend", description="Compensate", icon="undo")
    def compensate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._handle_request(request, object_id, "Compensate", CompensateSagaForm, operator_actions.compensate)

    @detail_action(permission="mend", description="Mark resolved", icon="done_all")
    def resolve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._handle_request(request, object_id, "Mark resolved:", ResolveSagaForm, operator_actions.resolve)

    def detail_context(self, request: HttpRequest, obj: Saga) -> dict[str, Any]:
        story = load_timeline(obj)
        return {
            "saga": obj,
            "title": obj.kind,
            "subtitle": str(obj.pk),
            "badge": {"stuck": "bad", "ended": "good", "resolved": "warn"}.get(obj.status, ""),
            "subject_pages": _find_subject_pages(obj.subject_id),
            "times": [("Started", moment_html(obj.started_at)), ("Last heard", moment_html(obj.moved_at))],
            "story": story,
            "cut": len(story) >= MAX_ENTRIES,
            "timers": pending_timers(obj),
            "state": [
                (field_label(name), format_value(value) if value != {} else EMPTY_VALUE)
                for name, value in _decode_state(obj).items()
            ],
            "state_json": indent_json(obj.state),
        }

    @display(description="saga")
    def of_kind(self, saga: Saga) -> str:
        return f"{saga.kind} …{str(saga.pk)[-8:]}"

    @display(description="subject")
    def subject(self, saga: Saga) -> SafeString:
        return format_html("<code>{}</code>", saga.subject_id)

    @display(description="state", label=STATUS_COLOURS)
    def state_now(self, saga: Saga) -> str:
        return saga.status

    @display(description="started")
    def age(self, saga: Saga) -> str | SafeString:
        return moment_html(saga.started_at)

    @display(description="last heard")
    def moved(self, saga: Saga) -> str | SafeString:
        return moment_html(saga.moved_at)

    @display(description="why it is stuck")
    def why(self, saga: Saga) -> str:
        return saga.error[:120]

    def _handle_request(
        self,
        request: HttpRequest,
        object_id: str,
        title: str,
        form_class: type[OperatorRequestForm],
        request_action: Callable[..., None],
    ) -> HttpResponse:
        saga = self.get_object(request, object_id)
        if saga is None:
            raise Http404("no such saga")
        form = form_class(request.POST if request.method == "POST" else None)
        back = saga_url(saga.pk)
        if request.method == "POST" and form.is_valid():
            try:
                request_action(saga.pk, actor=request.user.get_username(), reason=form.cleaned_data["reason"])
            except EventShopError as error:
                messages.error(request, f"{error}.")
            else:
                messages.success(request, "Noted in the saga's story; a worker sees to it in a moment.")
            return HttpResponseRedirect(back)
        return confirm_with_view_permission(self, request, f"{title} {short_name(saga.kind, saga.pk)}", form, back)


def match_sagas(text: str) -> Q:
    """The sagas that an id or a name means; each way by an index."""
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
