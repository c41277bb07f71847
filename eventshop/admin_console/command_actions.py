"""Admin buttons that send a command to one aggregate, after a confirmation dialog that states the effect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeAlias, TypeVar
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse

from eventshop.admin_console.confirmation import render_confirmation
from eventshop.admin_console.search import parse_uuid
from eventshop.core.aggregate import Aggregate
from eventshop.core.errors import CommandIdReused, CommandRefused, EventShopError, InvalidMessage
from eventshop.core.messages import Command, Envelope, new_id
from eventshop.eventstore import command_dispatcher, command_receipts
from eventshop.eventstore.event_store import store
from eventshop.operations.staff_actors import staff_actor

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    Base: TypeAlias = ModelAdmin[Any]
else:
    Base = object

S = TypeVar("S", bound=Aggregate[Any, Any])

LIST_DELAY_NOTICE = "The list is updated in a moment."
_ALLOWED_METHODS = ("GET", "HEAD", "POST")
_COMMAND_ID_REUSED = "This dialog was already submitted with different values. Open it again to submit new ones."


class AggregateCommandForm(forms.Form, Generic[S]):
    """A confirmation dialog for one aggregate.

    The command id is the idempotency key. It is created when the dialog opens: a form submitted twice is
    one command.
    """

    title: ClassVar[str]
    effect: ClassVar[str]
    button: ClassVar[str]
    #: The past participle for messages: `shipped`.
    outcome: ClassVar[str]
    dangerous: ClassVar[bool] = False

    command_id = forms.UUIDField(widget=forms.HiddenInput, initial=new_id)

    def __init__(self, state: S, data: Any = None) -> None:
        super().__init__(data)
        self.state = state

    def command(self, aggregate_id: UUID) -> Command:
        """The command that the valid form describes."""
        raise NotImplementedError

    def probe(self, aggregate_id: UUID) -> Command:
        """A command with sample values, to check the business rules before the form is filled in."""
        raise NotImplementedError

    def refusal(self, aggregate_id: UUID, name: str) -> str:
        """Why the aggregate refuses this command whatever the form contains; empty if it accepts it."""
        try:
            return "" if self.state.decide(self.probe(aggregate_id)) else self.unchanged_message(name)
        except CommandRefused as error:
            return str(error)

    def unchanged_message(self, name: str) -> str:
        """The message for a command that was accepted and changed nothing."""
        return f"{name} was already {self.outcome}; nothing changed."


class CommandActions(Generic[S], Base):
    """Mixin for the admin of a model whose primary key is the id of an `aggregate`. Uses that model's permissions."""

    aggregate: type[S]
    #: The aggregate in messages, as in "no such order".
    noun: ClassVar[str]

    #: From the name of a button to the dialog that it opens.
    dialogs: ClassVar[Mapping[str, type[AggregateCommandForm[Any]]]]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only buttons whose command the aggregate accepts now. The dialog and the command dispatcher check again."""
        actions: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        try:
            aggregate_id, state = self.load_aggregate(str(object_id))
        except Http404:
            return actions
        return [action for action in actions if not self._refusal(action.path, aggregate_id, state)]

    def _refusal(self, name: str, aggregate_id: UUID, state: S) -> str:
        return (
            self.dialogs[name](state).refusal(aggregate_id, self._aggregate_name(state)) if name in self.dialogs else ""
        )

    def reference(self, state: S) -> str:
        """The aggregate's business reference, such as an order number."""
        raise NotImplementedError

    def heading(self, form: AggregateCommandForm[S]) -> str:
        return f"{form.title} {self.noun} {self.reference(form.state)}"

    def send(
        self, request: HttpRequest, form: AggregateCommandForm[S], aggregate_id: UUID, command_id: UUID
    ) -> command_receipts.Receipt:
        return command_dispatcher.send(form.command(aggregate_id), envelope=envelope(request, command_id))

    def handle_dialog(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Answer the requests of one button: show the dialog, then send the command and report the result."""
        if request.method not in _ALLOWED_METHODS:
            return HttpResponseNotAllowed(_ALLOWED_METHODS)
        aggregate_id, state = self.load_aggregate(object_id)
        form = self.dialogs[name](state, request.POST if request.method == "POST" else None)
        page = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=(aggregate_id,))
        if form.is_valid() and self._send_command(request, form, aggregate_id):
            return HttpResponseRedirect(page)
        refusal = form.refusal(aggregate_id, self._aggregate_name(state))
        return render_confirmation(self, request, self.heading(form), form, page, media=self.media, refusal=refusal)

    def load_aggregate(self, object_id: str) -> tuple[UUID, S]:
        """The aggregate's id and current state, from its stream and not from a read model. Raises `Http404`."""
        aggregate_id = parse_uuid(object_id)
        if aggregate_id is None:
            raise Http404(f"{object_id} is not the id of a {self.noun}: it is not a UUID")
        history = store.get_events(aggregate_id)
        if not history or history[0].meta.aggregate_type != self.aggregate.__name__:
            raise Http404(f"no {self.noun} has the id {aggregate_id}")
        return aggregate_id, self.aggregate().evolve_all(recorded.event for recorded in history)

    def _send_command(self, request: HttpRequest, form: AggregateCommandForm[S], aggregate_id: UUID) -> bool:
        """Send the form's command and report the result. False if the form has to be corrected and submitted again."""
        name = self._aggregate_name(form.state)
        try:
            receipt = self.send(request, form, aggregate_id, form.cleaned_data["command_id"])
        except InvalidMessage as error:
            form.add_error(None, forms.ValidationError(str(error), code=error.code))
            return False
        except EventShopError as error:
            messages.error(request, f"{name} was not {form.outcome}. {error_sentence(error)}", extra_tags=error.code)
        else:
            result = f"{name} {form.outcome}." if receipt.events else form.unchanged_message(name)
            messages.success(request, f"{result} {LIST_DELAY_NOTICE}")
        return True

    def _aggregate_name(self, state: S) -> str:
        return f"{self.noun.capitalize()} {self.reference(state)}"


def envelope(request: HttpRequest, command_id: UUID, **metadata: str) -> Envelope:
    """The envelope of a command that a member of staff sends: who, and through which channel."""
    return Envelope(command_id=command_id, actor=staff_actor(request.user), metadata={"channel": "admin", **metadata})


def error_sentence(error: EventShopError) -> str:
    """The error as a sentence for a message."""
    return _COMMAND_ID_REUSED if isinstance(error, CommandIdReused) else f"{error}."
