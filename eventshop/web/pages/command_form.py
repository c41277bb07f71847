"""A form that means a command, and what a page does with it."""

from __future__ import annotations

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.http import HttpRequest

from eventshop.core.errors import CommandIdReused, CommandRefused, Conflict, InvalidMessage
from eventshop.core.messages import new_id
from eventshop.eventstore.command_dispatcher import Receipt
from eventshop.web.shared import read_your_writes


class CommandForm(forms.Form):
    """What every form of a command has, were it a button with nothing to fill in: sent twice, it is one command."""

    form_id = forms.UUIDField(widget=forms.HiddenInput, initial=new_id)


def submit_command(request: HttpRequest, send: Callable[[], Receipt], *, subject: str) -> bool:
    """Whether it was accepted; if not, the next page says why. `what` ends a sentence: "the order stands".

    `send` makes the command and sends it, under the form's own id: sent again, it changes nothing more.
    """
    try:
        receipt = send()
    except CommandIdReused:
        report_duplicate(request, subject)
    except (CommandRefused, InvalidMessage, Conflict) as refusal:
        messages.error(request, f"That is not possible any more: {refusal.message}.")
    else:
        read_your_writes.remember_write(request, receipt)
        return True
    return False


def report_duplicate(request: HttpRequest, state: str) -> None:
    """Say that this form, with other values, had been sent already."""
    messages.info(request, f"This form had been sent before. Below is how {state} now.")
