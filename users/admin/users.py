"""Staff actions on a person: display masked personal data with a reason, place and release legal holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.cache import add_never_cache_headers

from eventshop.admin_console.confirmation import confirm_with_view_permission
from eventshop.admin_console.display_names import short_name
from eventshop.admin_console.search import parse_uuid
from eventshop.admin_console.unfold_adapter import detail_action
from eventshop.core.errors import EventShopError
from eventshop.core.messages import Command, Envelope
from eventshop.core.request_context import note_access
from eventshop.eventstore import command_dispatcher
from eventshop.operations.access_log.declarations import Kind
from eventshop.operations.staff_actors import staff_actor
from users import permissions
from users.admin.forms import PERSONAL_FIELDS, FindByEmailForm, LegalHoldForm, ReleaseLegalHoldForm, RevealForm
from users.application.accounts import person_by_email
from users.application.customer_adapter import Person, load_person
from users.domain.commands import PlaceLegalHold, RecordAccess, ReleaseLegalHold
from users.domain.user import Status

if TYPE_CHECKING:
    from eventshop.admin_console.read_only_admin import ReadOnlyAdmin

    Base: TypeAlias = ReadOnlyAdmin
else:
    Base = object


class PersonActions(Base):
    """Mixin for the admin of a model whose primary key is a person's id; uses the permissions of that model."""

    actions_list: Any = ("find_by_email",)  # `Any`, because Unfold declares an empty tuple
    actions_detail = ("reveal", "hold", "release")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """The actions that the person's state allows: none after erasure; `release` only while there is a hold."""
        actions: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        try:
            holds = _load_person_or_404(str(object_id)).state.holds
        except (Http404, PermissionDenied):
            return []
        return [action for action in actions if action.path != "release" or holds]

    def has_reveal_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm(permissions.REVEAL_PERSONAL)

    def has_hold_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm(permissions.HOLD_PERSONAL)

    @detail_action(permission="reveal", description="Show personal data", icon="visibility")
    def reveal(self, request: HttpRequest, object_id: str) -> HttpResponse:
        person = _load_person_or_404(object_id)
        form = RevealForm(request.POST or None)
        if not form.is_valid():
            return self._render_form(request, person, "Show personal data", form)
        fields = tuple(form.cleaned_data["fields_asked"])
        access = RecordAccess(person.id, fields, form.cleaned_data["reason"], staff_actor(request.user))
        # Record the access before displaying anything: no access may stay unrecorded.
        if not self._send_command(request, access, form):
            return HttpResponseRedirect(self._person_url(person.id))
        note_access(kind=Kind.PERSONAL, stream=person.id, command_id=form.cleaned_data["command_id"])
        values = [(PERSONAL_FIELDS[name], _value_of(person, name)) for name in fields]
        return self._render_values(request, person.id, values, form.cleaned_data["reason"])

    @detail_action(permission="reveal", description="Find by e-mail address", icon="search")
    def find_by_email(self, request: HttpRequest) -> HttpResponse:
        """Find whose address this is: to learn that somebody has it is to be told of their data."""
        back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        form, title = FindByEmailForm(request.POST or None), "Find a person by e-mail address"
        if not form.is_valid():
            return confirm_with_view_permission(self, request, title, form, back)
        person, reason = person_by_email(form.cleaned_data["email"]), form.cleaned_data["reason"]
        note_access(kind=Kind.PERSONAL)
        if person is None:
            form.add_error("email", "Nobody has this address.")
            return confirm_with_view_permission(self, request, title, form, back)
        # As for values that are shown: recorded before anything is told.
        access = RecordAccess(person, ("email",), reason, staff_actor(request.user))
        if not self._send_command(request, access, form):
            return HttpResponseRedirect(back)
        note_access(stream=person, command_id=form.cleaned_data["command_id"])
        return self._render_values(request, person, [("This address belongs to", short_name("Person", person))], reason)

    @detail_action(permission="hold", description="Place a legal hold", icon="gavel")
    def hold(self, request: HttpRequest, object_id: str) -> HttpResponse:
        person, form = _load_person_or_404(object_id), LegalHoldForm(request.POST or None)
        if not form.is_valid():
            return self._render_form(request, person, "Place a legal hold", form)
        values = form.cleaned_data
        if self._send_command(request, PlaceLegalHold(person.id, values["hold"], values["reason"]), form):
            messages.success(request, f"Hold {values['hold']} is placed.")
        return HttpResponseRedirect(self._person_url(person.id))

    @detail_action(permission="hold", description="Release a legal hold", icon="lock_open")
    def release(self, request: HttpRequest, object_id: str) -> HttpResponse:
        person = _load_person_or_404(object_id)
        form = ReleaseLegalHoldForm(request.POST or None, holds=person.state.holds)
        if not form.is_valid():
            return self._render_form(request, person, "Release a legal hold", form)
        if self._send_command(request, ReleaseLegalHold(person.id, form.cleaned_data["hold"]), form):
            messages.success(request, f"Hold {form.cleaned_data['hold']} is released.")
        return HttpResponseRedirect(self._person_url(person.id))

    def _render_form(self, request: HttpRequest, person: Person, title: str, form: forms.Form) -> HttpResponse:
        return confirm_with_view_permission(
            self, request, f"{title} of {short_name('person', person.id)}", form, self._person_url(person.id)
        )

    def _send_command(self, request: HttpRequest, command: Command, form: forms.Form) -> bool:
        envelope = Envelope(form.cleaned_data["command_id"], actor=staff_actor(request.user))
        try:
            command_dispatcher.send(command, envelope=envelope)
        except EventShopError as refusal:
            messages.error(request, f"{refusal}.", extra_tags=refusal.code)
            return False
        return True

    def _render_values(
        self, request: HttpRequest, person_id: UUID, values: list[tuple[str, str]], reason: str
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Personal data",
            "values": values,
            "reason": reason,
            "back": self._person_url(person_id),
        }
        response = TemplateResponse(request, "projections/revealed.html", context)
        add_never_cache_headers(response)
        return response

    def _person_url(self, person_id: UUID) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=(person_id,))


def _value_of(person: Person, name: str) -> str:
    if name != "address_book":
        return getattr(person.contact, name, "") or "–"
    return "; ".join(f"{entry.name}, {entry.address}" for entry in person.address_book.values()) or "–"


def _load_person_or_404(object_id: str) -> Person:
    """Load a person. Raises `Http404` for an unknown one, `PermissionDenied` during and after an erasure."""
    person_id = parse_uuid(object_id)
    person = load_person(person_id) if person_id else None
    if person is None or person.state.status is Status.UNKNOWN:
        raise Http404
    if person.state.status in (Status.ERASING, Status.ERASED):
        raise PermissionDenied("This person's data is erased.")
    return person
