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

from eventshop.admin_console.confirmation import confirm
from eventshop.admin_console.display_names import called
from eventshop.admin_console.estimated_pagination import BoundedPaginator, CountedChangeList
from eventshop.admin_console.formatting import NOTHING, label, pretty, readable, when
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.registry import row_pages, streams_named
from eventshop.admin_console.saga_timeline import MOST, chapters, saga_url, waiting
from eventshop.admin_console.search import as_uuid
from eventshop.admin_console.unfold_adapter import ChoicesDropdownFilter, DropdownFilter, detail_action, display
from eventshop.core.errors import EventShopError
from eventshop.eventstore.models import StoredEvent
from eventshop.sagas import operator_actions
from eventshop.sagas.models import Saga, SagaStep
from eventshop.sagas.saga_registry import catalogue

COLOURS = {"running": "info", "ended": "success", "stuck": "danger", "resolved": "warning"}


class WishForm(forms.Form):
    """Why a person steps in; it stays in the saga's story with their name."""

    effect: ClassVar[str]
    button: ClassVar[str]
    dangerous: ClassVar[bool] = False

    reason = forms.CharField(
        max_length=200,
        help_text="Stays in the saga's story, with your name.",
        widget=forms.TextInput(attrs={"class": "es-input"}),
    )


class RetryForm(WishForm):
    effect = "The step that failed is tried again, and what the saga could not hear meanwhile it hears now."
    button = "Try again"


class CompensateForm(WishForm):
    effect = "The saga undoes what it has done as far as that goes; what made it stuck is passed over."
    button = "Compensate"
    dangerous = True


class ResolveForm(WishForm):
    effect = "The saga hears nothing any more, and its open steps are given up: you have seen to the rest yourself."
    button = "Mark resolved"
    dangerous = True


class KindFilter(DropdownFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind, kind) for kind in sorted(catalogue.kinds)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


#: In which states each button makes sense.
_APPLIES: Final = {
    "retry": {Saga.Status.STUCK},
    "compensate": set(Saga.Status) - {Saga.Status.RESOLVED},
    "resolve": set(Saga.Status) - {Saga.Status.RESOLVED, Saga.Status.ENDED},
}


class SagaChangeList(CountedChangeList):
    """Newest first, but on the first page those that are stuck stand before them, the longest stuck on top."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if self.page_num > 1 or "status__exact" in self.params:
            return
        stuck = self.queryset.filter(status=Saga.Status.STUCK).order_by("moved_at")
        first = list(stuck[: self.list_per_page])
        above = {saga.pk for saga in first}
        self.result_list = [*first, *(saga for saga in self.result_list if saga.pk not in above)]


@admin.register(Saga)
class SagaAdmin(ReadOnlyAdmin):
    when_empty = "No process was started yet."
    list_display = ("of_kind", "subject", "state_now", "age", "moved", "steps", "why")
    list_display_links = ("of_kind",)
    list_filter = (KindFilter, ("status", ChoicesDropdownFilter))
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
        return (queryset.filter(sagas_of(search_term.strip())) if search_term.strip() else queryset), False

    def has_mend_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("process.mend_saga")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only what its state allows: a retry of what is stuck, nothing more once somebody has seen to it."""
        offered: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        saga = self.get_object(request, str(object_id))
        return [it for it in offered if saga is None or saga.status in _APPLIES[it.path]]

    @detail_action(permission="mend", description="Retry", icon="replay")
    def retry(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._wish(request, object_id, "Retry", RetryForm, operator_actions.retry)

    @detail_action(permission="mend", description="Compensate", icon="undo")
    def compensate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._wish(request, object_id, "Compensate", CompensateForm, operator_actions.compensate)

    @detail_action(permission="mend", description="Mark resolved", icon="done_all")
    def resolve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._wish(request, object_id, "Mark resolved:", ResolveForm, operator_actions.resolve)

    def page(self, request: HttpRequest, obj: Saga) -> dict[str, Any]:
        story = chapters(obj)
        return {
            "saga": obj,
            "title": obj.kind,
            "subtitle": str(obj.pk),
            "badge": {"stuck": "bad", "ended": "good", "resolved": "warn"}.get(obj.status, ""),
            "subject_pages": _subject_pages(obj.subject_id),
            "times": [("Started", when(obj.started_at)), ("Last heard", when(obj.moved_at))],
            "story": story,
            "cut": len(story) >= MOST,
            "timers": waiting(obj),
            "state": [
                (label(name), readable(value) if value != {} else NOTHING) for name, value in _state(obj).items()
            ],
            "state_json": pretty(obj.state),
        }

    @display(description="saga")
    def of_kind(self, saga: Saga) -> str:
        return f"{saga.kind} …{str(saga.pk)[-8:]}"

    @display(description="subject")
    def subject(self, saga: Saga) -> SafeString:
        return format_html("<code>{}</code>", saga.subject_id)

    @display(description="state", label=COLOURS)
    def state_now(self, saga: Saga) -> str:
        return saga.status

    @display(description="started")
    def age(self, saga: Saga) -> str | SafeString:
        return when(saga.started_at)

    @display(description="last heard")
    def moved(self, saga: Saga) -> str | SafeString:
        return when(saga.moved_at)

    @display(description="why it is stuck")
    def why(self, saga: Saga) -> str:
        return saga.error[:120]

    def _wish(
        self, request: HttpRequest, object_id: str, title: str, form_class: type[WishForm], act: Callable[..., None]
    ) -> HttpResponse:
        saga = self.get_object(request, object_id)
        if saga is None:
            raise Http404("no such saga")
        form = form_class(request.POST if request.method == "POST" else None)
        back = saga_url(saga.pk)
        if request.method == "POST" and form.is_valid():
            try:
                act(saga.pk, actor=request.user.get_username(), reason=form.cleaned_data["reason"])
            except EventShopError as error:
                messages.error(request, f"{error}.")
            else:
                messages.success(request, "Noted in the saga's story; a worker sees to it in a moment.")
            return HttpResponseRedirect(back)
        return confirm(self, request, f"{title} {called(saga.kind, saga.pk)}", form, back)


def sagas_of(text: str) -> Q:
    """The sagas that an id or a name means; each way by an index."""
    identity = as_uuid(text)
    if identity is None:
        return Q(subject_id__in=streams_named(text)[:50])
    own = Q(pk=identity) | Q(subject_id=identity) | Q(correlation_id=identity)
    step = SagaStep.objects.filter(pk=identity).values_list("saga_id", flat=True).first()
    event = StoredEvent.objects.filter(event_id=identity).values_list("correlation_id", flat=True).first()
    return own | Q(pk=step) | Q(correlation_id=event) if step or event else own


def _subject_pages(subject_id: UUID) -> list[Any]:
    stream = StoredEvent.objects.filter(aggregate_id=subject_id, version=1).values_list("aggregate_type", flat=True)
    return [link for aggregate_type in stream for link in row_pages(aggregate_type, subject_id)]


def _state(saga: Saga) -> dict[str, Any]:
    try:
        state = json.loads(saga.state)
    except ValueError:
        return {}
    return state if isinstance(state, dict) else {}
