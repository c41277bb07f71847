"""Forms that send a command, and how a page handles the result."""

from __future__ import annotations

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.http import HttpRequest

from eventshop.core.errors import CommandIdReused, CommandRefused, Conflict, InvalidMessage
from eventshop.core.messages import new_id
from eventshop.eventstore.command_receipts import Receipt
from eventshop.web.shared import read_your_writes


class CommandForm(forms.Form):
    """The base of every form that sends a command: submitted twice with the same `form_id`, it is one command."""

    form_id = forms.UUIDField(widget=forms.HiddenInput, initial=new_id)


def submit_command(request: HttpRequest, send: Callable[[], Receipt], *, subject: str) -> bool:
    """Call `send` and return whether the command was accepted; if not, add a message for the next page.

    `send` dispatches the command under the form's id, so a second submit changes nothing. `subject` names what the
    form is about in the message for a duplicate, such as "the order".
    """
    try:
        receipt = send()
    except CommandIdReused:
        report_duplicate(request, subject)
    except (CommandRefused, InvalidMessage, Conflict) as refusal:
        messages.error(request, f"This is no longer possible: {refusal.message}.", extra_tags=refusal.code)
    else:
        read_your_writes.remember_write(request, receipt)
        return True
    return False


def report_duplicate(request: HttpRequest, subject: str) -> None:
    """Add the message that this form was already submitted with other values."""
    messages.info(
        request,
        f"This form was already submitted. The page shows the current state of {subject}.",
        extra_tags=CommandIdReused.code,
    )
