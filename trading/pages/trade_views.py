"""Pages for those who own trading accounts: the ticket, one trade, and the accounts with their limits."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from eventshop.core.errors import CommandIdReused, CommandRefused, Conflict, InvalidMessage
from eventshop.web.pages.command_form import accepted, sent_before
from eventshop.web.shared import read_your_writes
from eventshop.web.shared.customer_port import customer
from trading.application import submit_trade
from trading.application.number_formatting import written
from trading.application.trade_timeline import Traded, desks, traded
from trading.pages.forms import TakeBackForm, TicketForm

_CHANNEL = {"channel": "pages"}


def _mine(trade_id: UUID, person: UUID) -> Traded:
    found = traded(trade_id, person)
    if found is None:
        raise Http404
    return found


@require_http_methods(["GET", "HEAD", "POST"])
@customer
def ticket(request: HttpRequest, person: UUID) -> HttpResponse:
    """Fill in, look at what it freezes, place. Values that changed after the look are shown again."""
    mine, data = desks(person), request.POST.copy()
    form = TicketForm(mine, data or None, initial=_wanted(request))
    preview: dict[str, Any] | None = None
    if form.is_valid():
        shown = _shown(form)
        if "place" in data and form.cleaned_data["seen"] == shown["seen"]:
            if trade_id := _placed(request, person, form):
                return redirect("trading:trade", trade_id)
        else:
            data["seen"], preview = shown["seen"], shown
    elif form.is_bound and form.sent_before:
        return redirect("trading:trade", form.trade_id)
    return render(request, "trading/ticket.html", {"form": form, "desks": mine, "preview": preview})


def _shown(form: TicketForm) -> dict[str, Any]:
    """What is shown before a trade is placed; `seen` comes back with it."""
    values = form.cleaned_data
    amount, binding = written(form.amount), form.binding(values)
    seen = " ".join((amount, *(values[name] for name in ("account", "instrument", "side", "type"))))
    return {
        "seen": seen,
        "amount": amount,
        "desk": form.desk(values),
        "name": binding.name,
        "left": written(binding.left),
    }


def _wanted(request: HttpRequest) -> dict[str, str]:
    """What a link to the ticket has chosen already."""
    return {name: request.GET[name] for name in ("account", "instrument", "side") if name in request.GET}


def _placed(request: HttpRequest, person: UUID, form: TicketForm) -> UUID | None:
    """The trade; None if it was refused, which the form then says."""
    values = form.cleaned_data
    command_id: UUID = values["form_id"]
    try:
        receipt = submit_trade.place(form.asked(values), by=str(person), command_id=command_id, metadata=_CHANNEL)
    except CommandIdReused:
        sent_before(request, "the trade stands")
        return submit_trade.trade_id_of(command_id)
    except (CommandRefused, InvalidMessage, Conflict) as refusal:
        form.refuse(refusal)
        return None
    read_your_writes.written(request, receipt)
    return receipt.aggregate_id


@require_safe
@customer
def trade(request: HttpRequest, person: UUID, trade_id: UUID) -> HttpResponse:
    """How a trade stands; it follows by itself."""
    return render(request, "trading/trade.html", {"trade": _mine(trade_id, person)})


@require_http_methods(["GET", "HEAD", "POST"])
@customer
def cancel(request: HttpRequest, person: UUID, trade_id: UUID) -> HttpResponse:
    """Take back what is open; what was filled stays."""
    found = _mine(trade_id, person)
    form = TakeBackForm(request.POST or None)
    if form.is_valid():
        reason, form_id = form.cleaned_data["reason"], form.cleaned_data["form_id"]
        if accepted(
            request,
            lambda: submit_trade.cancel(trade_id, reason, by=str(person), command_id=form_id, metadata=_CHANNEL),
            what="the trade stands",
        ):
            messages.success(request, "What was open is cancelled, and its amount is free again.")
        return redirect("trading:trade", trade_id)
    return render(request, "trading/cancel.html", {"trade": found, "form": form})


@require_safe
@customer
def accounts(request: HttpRequest, person: UUID) -> HttpResponse:
    """Every account with its limits, and what open trades use of them."""
    current = read_your_writes.caught_up(request, "trading-account")
    return render(request, "trading/accounts.html", {"desks": desks(person), "current": current})
