"""What needs attention: the list, each item with its runbook entry, and what staff do about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, path, reverse
from django.utils.safestring import SafeString

from eventshop.admin_console.confirmation import confirm_with_view_permission
from eventshop.admin_console.display_names import actor_label
from eventshop.admin_console.formatting import datetime_html
from eventshop.admin_console.read_only_admin import ReadOnlyAdmin
from eventshop.admin_console.runbook import runbook_entry
from eventshop.admin_console.unfold_adapter import detail_action, display
from eventshop.core.errors import EventShopError
from eventshop.operations.access_log.declarations import NotLogged, declare_access
from eventshop.operations.attention import actions, watch
from eventshop.operations.attention.guides import DEFAULT, GUIDES
from eventshop.operations.attention.models import AttentionItem
from eventshop.operations.rights import only_staff
from eventshop.operations.staff_actors import staff_actor

#: Items that the dashboard shows; the list has all.
MAX_SHOWN: Final = 12
_TONES: Final = {AttentionItem.Severity.FAILING: "bad", AttentionItem.Severity.DEGRADED: "warn"}
_SNOOZES: Final = ((15, "15 minutes"), (60, "1 hour"), (240, "4 hours"), (1_440, "1 day"), (10_080, "7 days"))


def _note_field() -> forms.CharField:
    help_text = "The item and the operator log show it with your name."
    return forms.CharField(
        max_length=500, required=False, help_text=help_text, widget=forms.TextInput(attrs={"class": "es-input"})
    )


class AcknowledgeForm(forms.Form):
    effect = "It moves below what nobody knows of yet, and is counted no more, until it becomes worse or is over."
    button = "Acknowledge"
    dangerous = False

    note = _note_field()


class SnoozeForm(forms.Form):
    effect = "It is hidden, and nobody is told of it, for this long or until it becomes worse."
    button = "Snooze"
    dangerous = False

    minutes = forms.TypedChoiceField(
        label="For", choices=_SNOOZES, coerce=int, initial=60, widget=forms.Select(attrs={"class": "es-input"})
    )
    note = _note_field()


class AssignForm(forms.Form):
    effect = "The list shows who looks after it."
    button = "Assign"
    dangerous = False

    to = forms.ModelChoiceField(
        queryset=User.objects.filter(is_staff=True, is_active=True).order_by("username"),
        widget=forms.Select(attrs={"class": "es-input"}),
    )
    note = _note_field()


class AttentionRow(NamedTuple):
    """An item as the dashboard shows it."""

    item: Any  # with `rank` of `watch.open_items`
    tone: str
    since: str | SafeString
    step: str
    step_url: str
    assignee: str | SafeString
    acknowledged_by: str | SafeString
    snoozed_until: str | SafeString


def attention_row(item: AttentionItem) -> AttentionRow:
    guide = GUIDES.get(item.part, DEFAULT)
    return AttentionRow(
        item,
        _TONES[AttentionItem.Severity(item.severity)],
        datetime_html(item.since),
        guide.step,
        _step_url(item),
        actor_label(item.assigned_to) if item.assigned_to else "",
        actor_label(item.acknowledged_by) if item.acknowledged_at else "",
        datetime_html(item.snoozed_until) if item.snoozed_until else "",
    )


def attention_context(request: HttpRequest) -> dict[str, Any]:
    """The context of `templates/console/attention.html`: open items, worst first; known ones apart."""
    rows = [attention_row(item) for item in watch.recent_items()]
    waiting = [row for row in rows if row.item.rank == 0]
    return {
        "attention": waiting[:MAX_SHOWN],
        "more_attention": len(waiting) - len(waiting[:MAX_SHOWN]),
        "known_attention": [row for row in rows if row.item.rank],
        "may_handle": request.user.has_perm("ops.handle_attentionitem"),
    }


@admin.register(AttentionItem)
class AttentionItemAdmin(ReadOnlyAdmin):
    access = NotLogged("what is wrong with the machinery")
    empty_message = "Nothing is wrong or late, and nothing was since the retention of this list."
    list_display = ("title", "severity_badge", "state", "since_time", "assignee", "note")
    list_filter = ("severity", "part")
    search_fields = ("title", "detail")
    sortable_by = ()
    ordering = ("cleared_at", "-severity", "since")
    change_form_template = "console/attention_item.html"
    actions_detail = ("acknowledge", "snooze", "assign")

    def get_urls(self) -> list[Any]:
        follow = path("now/", self.admin_site.admin_view(_now_view(self)), name="ops_attentionitem_now")
        return [follow, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> Any:
        """Open items first: databases sort an empty time differently."""
        rows = super().get_queryset(request)
        return rows.order_by(F("cleared_at").desc(nulls_first=True), "-severity", "-since")

    def has_handle_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("ops.handle_attentionitem")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """No buttons for what is over."""
        found: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        item = self.get_object(request, str(object_id))
        return found if item is None or item.cleared_at is None else []

    @detail_action(permission="handle", description="Acknowledge", icon="visibility")
    def acknowledge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._handle(request, object_id, "Acknowledge", AcknowledgeForm, actions.acknowledge, lambda form: ())

    @detail_action(permission="handle", description="Snooze", icon="snooze")
    def snooze(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def durations(form: forms.Form) -> tuple[timedelta]:
            return (timedelta(minutes=form.cleaned_data["minutes"]),)

        return self._handle(request, object_id, "Snooze", SnoozeForm, actions.snooze, durations)

    @detail_action(permission="handle", description="Assign", icon="person_add")
    def assign(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def assignees(form: forms.Form) -> tuple[str]:
            return (staff_actor(form.cleaned_data["to"]),)

        return self._handle(request, object_id, "Assign", AssignForm, actions.assign, assignees)

    def detail_context(self, request: HttpRequest, obj: AttentionItem) -> dict[str, Any]:
        return {
            "row": attention_row(obj),
            "title": obj.part,
            "times": [
                ("Since", datetime_html(obj.since)),
                ("Raised", datetime_html(obj.raised_at)),
                ("Last seen", datetime_html(obj.seen_at)),
                *([("Cleared", datetime_html(obj.cleared_at))] if obj.cleared_at else []),
            ],
            "entry": runbook_entry(obj.runbook),
            "notices": list(obj.notices.order_by("tried_at")),
            "earlier": [
                (item, datetime_html(item.raised_at), datetime_html(item.cleared_at))
                for item in AttentionItem.objects.filter(key=obj.key).exclude(pk=obj.pk).order_by("-raised_at")[:10]
            ],
        }

    @display(description="severity", label={"Failing": "danger", "Degraded": "warning"})
    def severity_badge(self, item: AttentionItem) -> str:
        return item.get_severity_display()

    @display(
        description="state", label={"open": "danger", "acknowledged": "info", "snoozed": "info", "over": "success"}
    )
    def state(self, item: AttentionItem) -> str:
        if item.cleared_at:
            return "over"
        return "acknowledged" if item.acknowledged_at else "snoozed" if item.snoozed_until else "open"

    @display(description="since")
    def since_time(self, item: AttentionItem) -> str | SafeString:
        return datetime_html(item.since)

    @display(description="assigned to")
    def assignee(self, item: AttentionItem) -> str | SafeString:
        return actor_label(item.assigned_to)

    def _handle(
        self,
        request: HttpRequest,
        object_id: str,
        verb: str,
        form_class: type[forms.Form],
        action: Callable[..., AttentionItem],
        arguments: Callable[[Any], Sequence[Any]],
    ) -> HttpResponse:
        item = self.get_object(request, object_id)
        if item is None:
            raise Http404(f"no attention item has the id {object_id}")
        form = form_class(request.POST if request.method == "POST" else None)
        back_url = reverse("admin:index") + "#needs-attention"
        if not form.is_valid():
            return confirm_with_view_permission(self, request, f"{verb}: {item.title}", form, back_url)
        try:
            action(item.pk, *arguments(form), actor=staff_actor(request.user), note=form.cleaned_data["note"])
        except EventShopError as error:
            messages.error(request, f"{error}.")
        else:
            messages.success(request, f"{verb}: {item.title}. The operator log has it.")
        return HttpResponseRedirect(back_url)


def _now_view(model_admin: AttentionItemAdmin) -> Callable[[HttpRequest], HttpResponse]:
    @only_staff("ops.view_attentionitem")
    @declare_access(NotLogged("what is wrong with the machinery"))
    def now(request: HttpRequest) -> HttpResponse:
        """The list of the dashboard alone, compared again unless that was done seconds ago, for a page that follows."""
        if not model_admin.has_view_permission(request):
            raise PermissionDenied
        watch.compare_again()
        return TemplateResponse(request, "console/attention.html", attention_context(request))

    return now


def _step_url(item: AttentionItem) -> str:
    if not item.view:
        return ""
    try:
        url = reverse(f"admin:{item.view}")
    except NoReverseMatch:  # a page of another release
        return ""
    return f"{url}?{item.query}" if item.query else url
