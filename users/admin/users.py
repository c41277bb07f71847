"""What staff can do to a person's account: look at what is masked, giving a reason, and hold or release the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias
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
from eventshop.core.messages import Command, Envelope, new_id
from eventshop.eventstore import command_dispatcher
from users.application.customer_adapter import Person, load_person
from users.domain.commands import PlaceLegalHold, RecordAccess, ReleaseLegalHold
from users.domain.user import Status

if TYPE_CHECKING:
    from eventshop.admin_console.read_only_admin import ReadOnlyAdmin

    Base: TypeAlias = ReadOnlyAdmin
else:
    Base = object

#: What can be looked at, as staff read it.
PERSONAL_FIELDS: Final = {"name": "Name", "email": "E-mail address", "phone": "Phone number", "address": "Address"}


def _text_input() -> forms.TextInput:
    """A field that is seen: the console's style sheet draws its border."""
    return forms.TextInput(attrs={"class": "es-input"})


class StaffForm(forms.Form):
    """A form of a dialog; `dangerous` colours its button."""

    effect = ""
    button = ""
    dangerous = True
    command_id = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, initial={"command_id": new_id()})


class RevealForm(StaffForm):
    effect = "The person can see that you looked, at what, and why."
    button = "Show"
    fields_asked = forms.MultipleChoiceField(
        label="What do you need?", choices=list(PERSONAL_FIELDS.items()), widget=forms.CheckboxSelectMultiple
    )
    reason = forms.CharField(label="Why?", max_length=200, help_text="For example: a parcel came back.", widget=_text_input())


class LegalHoldForm(StaffForm):
    effect = "Nothing of this person's data can be erased until the hold is released."
    button = "Place the hold"
    hold = forms.CharField(label="File number", max_length=200, widget=_text_input())
    reason = forms.CharField(label="Why?", max_length=200, help_text="The person can see this.", widget=_text_input())


class ReleaseLegalHoldForm(StaffForm):
    effect = "If the person has asked for erasure, it goes on within a day."
    button = "Release the hold"
    hold = forms.ChoiceField(label="Which hold?")

    def __init__(self, data: Any = None, *, holds: frozenset[str] = frozenset()) -> None:
        super().__init__(data)
        choices = [(hold, hold) for hold in sorted(holds)]
        self.fields["hold"] = forms.ChoiceField(
            label="Which hold?", choices=choices, widget=forms.Select(attrs={"class": "es-input"})
        )


class PersonActions(Base):
    """For the admin of a row whose primary key is a person's id. Permissions are that model's."""

    actions_detail = ("reveal", "hold", "release")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only what the person's state allows: nothing once they are erased, and there must be a hold to release."""
        offered: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        try:
            holds = _get_person(str(object_id)).state.holds
        except (Http404, PermissionDenied):
            return []
        return [it for it in offered if it.path != "release" or holds]

    def has_reveal_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.reveal_personal")

    def has_hold_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.hold_personal")

    @detail_action(permission="reveal", description="Show personal data", icon="visibility")
    def reveal(self, request: HttpRequest, object_id: str) -> HttpResponse:
        him = _get_person(object_id)
        form = RevealForm(request.POST or None)
        if not form.is_valid():
            return self._render_form(request, him, "Show personal data", form)
        asked = tuple(form.cleaned_data["fields_asked"])
        access = RecordAccess(him.id, asked, form.cleaned_data["reason"], request.user.get_username())
        # Recorded first: whatever happens next, nobody has looked without a trace.
        if not self._send_command(request, access, form):
            return HttpResponseRedirect(self._person_url(him.id))
        return self._render_values(request, him, asked, form.cleaned_data["reason"])

    @detail_action(permission="hold", description="Place a legal hold", icon="gavel")
    def hold(self, request: HttpRequest, object_id: str) -> HttpResponse:
        him, form = _get_person(object_id), LegalHoldForm(request.POST or None)
        if not form.is_valid():
            return self._render_form(request, him, "Place a legal hold", form)
        values = form.cleaned_data
        if self._send_command(request, PlaceLegalHold(him.id, values["hold"], values["reason"]), form):
            messages.success(request, f"Hold {values['hold']} is placed.")
        return HttpResponseRedirect(self._person_url(him.id))

    @detail_action(permission="hold", description="Release a legal hold", icon="lock_open")
    def release(self, request: HttpRequest, object_id: str) -> HttpResponse:
        him = _get_person(object_id)
        form = ReleaseLegalHoldForm(request.POST or None, holds=him.state.holds)
        if not form.is_valid():
            return self._render_form(request, him, "Release a legal hold", form)
        if self._send_command(request, ReleaseLegalHold(him.id, form.cleaned_data["hold"]), form):
            messages.success(request, f"Hold {form.cleaned_data['hold']} is released.")
        return HttpResponseRedirect(self._person_url(him.id))

    def _render_form(self, request: HttpRequest, him: Person, title: str, form: forms.Form) -> HttpResponse:
        return confirm_with_view_permission(self, request, f"{title} of {short_name('person', him.id)}", form, self._person_url(him.id))

    def _send_command(self, request: HttpRequest, command: Command, form: forms.Form) -> bool:
        envelope = Envelope(form.cleaned_data["command_id"], actor=request.user.get_username())
        try:
            command_dispatcher.send(command, envelope=envelope)
        except EventShopError as refusal:
            messages.error(request, f"{refusal}.")
            return False
        return True

    def _render_values(self, request: HttpRequest, him: Person, asked: tuple[str, ...], reason: str) -> HttpResponse:
        contact = him.contact
        values = [(PERSONAL_FIELDS[name], getattr(contact, name, "") or "–") for name in asked] if contact else []
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Personal data",
            "values": values,
            "reason": reason,
            "back": self._person_url(him.id),
        }
        answer = TemplateResponse(request, "projections/revealed.html", context)
        add_never_cache_headers(answer)
        return answer

    def _person_url(self, person_id: UUID) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=(person_id,))


def _get_person(object_id: str) -> Person:
    """Raises 404 for nobody, `PermissionDenied` for somebody whose data is being erased or is gone."""
    identity = parse_uuid(object_id)
    found = load_person(identity) if identity else None
    if found is None or found.state.status is Status.UNKNOWN:
        raise Http404
    if found.state.status in (Status.ERASING, Status.ERASED):
        raise PermissionDenied("This person's data is erased.")
    return found
