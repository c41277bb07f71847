"""Buttons that send a command to one aggregate, after a dialog that names it and the effect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeAlias, TypeVar
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse

from eventshop.admin_console.confirmation import ask
from eventshop.core.aggregate import Aggregate
from eventshop.core.errors import CommandIdReused, CommandRefused, EventShopError, InvalidMessage
from eventshop.core.messages import Command, Envelope, new_id
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.event_store import store

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    Base: TypeAlias = ModelAdmin[Any]
else:
    Base = object

S = TypeVar("S", bound=Aggregate[Any, Any])

FOLLOWS = "The list follows in a moment."
_METHODS = ("GET", "HEAD", "POST")
_SENT_WITH_OTHER_VALUES = "This dialog was sent before with other values. Open it again to send new ones."


class CommandForm(forms.Form, Generic[S]):
    """A dialog about one aggregate. Its command id is given when the dialog opens: sent twice, it is one command."""

    title: ClassVar[str]
    effect: ClassVar[str]
    button: ClassVar[str]
    done: ClassVar[str]
    dangerous: ClassVar[bool] = False

    command_id = forms.UUIDField(widget=forms.HiddenInput, initial=new_id)

    def __init__(self, state: S, data: Any = None) -> None:
        super().__init__(data)
        self.state = state

    def command(self, aggregate_id: UUID) -> Command:
        """The command that the filled in form means."""
        raise NotImplementedError

    def probe(self, aggregate_id: UUID) -> Command:
        """A command to find out, before anything is filled in, whether the rules would refuse."""
        raise NotImplementedError

    def refusal(self, aggregate_id: UUID, name: str) -> str:
        """Why the rules would refuse whatever is filled in; empty if they would not."""
        try:
            return "" if self.state.decide(self.probe(aggregate_id)) else self.already(name)
        except CommandRefused as error:
            return str(error)

    def already(self, name: str) -> str:
        return f"{name} was already {self.done}; nothing changed."


class CommandActions(Generic[S], Base):
    """For the admin of a row whose primary key is the id of an `aggregate`. Permissions are that row's model's."""

    aggregate: type[S]
    #: As in "no such order".
    noun: ClassVar[str]

    #: The dialog that each button opens.
    dialogs: ClassVar[Mapping[str, type[CommandForm[Any]]]]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only buttons whose command the rules would accept now; the dialog asks them again, and so does the store."""
        offered: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        try:
            aggregate_id, state = self.folded(str(object_id))
        except Http404:
            return offered
        return [it for it in offered if not self._refusal(it.path, aggregate_id, state)]

    def _refusal(self, name: str, aggregate_id: UUID, state: S) -> str:
        return self.dialogs[name](state).refusal(aggregate_id, self._name(state)) if name in self.dialogs else ""

    def reference(self, state: S) -> str:
        """By what people know it."""
        raise NotImplementedError

    def heading(self, form: CommandForm[S]) -> str:
        return f"{form.title} {self.noun} {self.reference(form.state)}"

    def send(
        self, request: HttpRequest, form: CommandForm[S], aggregate_id: UUID, command_id: UUID
    ) -> command_dispatcher.Receipt:
        return command_dispatcher.send(form.command(aggregate_id), envelope=envelope(request, command_id))

    def may(self, request: HttpRequest, permission: str) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.{permission}")

    def dialog(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """The whole of one button: asked first, then sent and said."""
        if request.method not in _METHODS:
            return HttpResponseNotAllowed(_METHODS)
        aggregate_id, state = self.folded(object_id)
        form = self.dialogs[name](state, request.POST if request.method == "POST" else None)
        page = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=(aggregate_id,))
        if form.is_valid() and self._sent(request, form, aggregate_id):
            return HttpResponseRedirect(page)
        refusal = form.refusal(aggregate_id, self._name(state))
        return ask(self, request, self.heading(form), form, page, media=self.media, refusal=refusal)

    def folded(self, object_id: str) -> tuple[UUID, S]:
        """The aggregate as its stream has it now, never as a list remembers it. Raises Http404."""
        try:
            aggregate_id = UUID(object_id)
        except ValueError:
            raise Http404(f"not the id of a {self.noun}") from None
        history = store.get_events(aggregate_id)
        if not history or history[0].meta.aggregate_type != self.aggregate.__name__:
            raise Http404(f"no such {self.noun}")
        return aggregate_id, self.aggregate().evolve_all(recorded.event for recorded in history)

    def _sent(self, request: HttpRequest, form: CommandForm[S], aggregate_id: UUID) -> bool:
        """Whether there is nothing more to fill in; the next page says what came of it."""
        name = self._name(form.state)
        try:
            receipt = self.send(request, form, aggregate_id, form.cleaned_data["command_id"])
        except InvalidMessage as error:
            form.add_error(None, str(error))
            return False
        except EventShopError as error:
            messages.error(request, f"{name} was not {form.done}. {sentence(error)}")
        else:
            said = f"{name} {form.done}." if receipt.events else form.already(name)
            messages.success(request, f"{said} {FOLLOWS}")
        return True

    def _name(self, state: S) -> str:
        return f"{self.noun.capitalize()} {self.reference(state)}"


def envelope(request: HttpRequest, command_id: UUID, **metadata: str) -> Envelope:
    """What is known of a command that somebody at the console sends."""
    actor = request.user.get_username()
    return Envelope(command_id=command_id, actor=actor, metadata={"channel": "admin", **metadata})


def sentence(error: EventShopError) -> str:
    return _SENT_WITH_OTHER_VALUES if isinstance(error, CommandIdReused) else f"{error}."
