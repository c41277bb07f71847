"""Pages for the owners of trading accounts: the trade ticket, one trade, and the accounts with their limits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from eventshop.core.errors import CommandIdReused, CommandRefused, Conflict, InvalidMessage
from eventshop.web.pages.command_form import report_duplicate, submit_command
from eventshop.web.shared import read_your_writes
from eventshop.web.shared.customer_port import customer_required
from trading.application import submit_trade
from trading.application.customer_accounts import load_customer_accounts
from trading.application.last_price_port import dearest_last_price, last_prices
from trading.application.number_formatting import format_number
from trading.application.trade_timeline import CustomerTrade, load_customer_trade
from trading.domain.commands import SubmitTrade
from trading.domain.events import Fee, Fill
from trading.domain.fees import compute_fee
from trading.pages.forms import GOOD_LABELS, AmendForm, CancelRequestForm, TicketForm

_CHANNEL = {"channel": "pages"}


def _load_trade_or_404(trade_id: UUID, person: UUID) -> CustomerTrade:
    trade = load_customer_trade(trade_id, person)
    if trade is None:
        raise Http404
    return trade


@require_http_methods(["GET", "HEAD", "POST"])
@customer_required
def ticket(request: HttpRequest, person: UUID) -> HttpResponse:
    """Fill in a trade, see it repeated in full, and submit it. Changed values are repeated again."""
    accounts, data = load_customer_accounts(person), request.POST.copy()
    form = TicketForm(accounts, data or None, initial=_initial_values(request))
    preview: dict[str, Any] | None = None
    if form.is_valid():
        current = _preview(form)
        if "place" in data and form.cleaned_data["seen"] == current["seen"]:
            if trade_id := _submit(request, person, form):
                return redirect("trading:trade", trade_id)
        elif "change" not in data:
            data["instrument"], data["seen"], preview = form.cleaned_data["instrument"], current["seen"], current
    elif form.is_bound and form.is_submitted:
        return redirect("trading:trade", form.trade_id)
    return render(request, "trading/ticket.html", {"form": form, "accounts": accounts, "preview": preview})


def _preview(form: TicketForm) -> dict[str, Any]:
    """A trade in full, for the page that repeats it; the form sends its key `seen` back."""
    values, order = form.cleaned_data, form.order
    amount, limit = format_number(form.amount), form.tightest_limit(values)
    terms = ("account", "instrument", "side", "quantity", "type", "limit_price", "time_in_force", "repeated")
    return {
        "seen": " ".join((amount, *(str(values[name]) for name in terms))),
        "order": order,
        "good_until": order.good_until,
        "good": GOOD_LABELS[order.time_in_force],
        "last": last_prices.get()(order.instrument.code),
        "fee": _expected_fee(order),
        "amount": amount,
        "account": form.account_details(values),
        "limit_name": limit.name,
        "available": format_number(limit.available),
    }


def _expected_fee(order: SubmitTrade) -> Fee | None:
    """What the order costs by its terms if it is filled at once, at its limit or the dearest last price."""
    price = dearest_last_price(order.instrument) if order.limit_price is None else order.limit_price
    return compute_fee(order, Fill("expected", price, order.quantity, datetime.now(UTC))) if price else None


def _initial_values(request: HttpRequest) -> dict[str, str]:
    """The field values that a link to the ticket presets."""
    return {name: request.GET[name] for name in ("account", "instrument", "side") if name in request.GET}


def _submit(request: HttpRequest, person: UUID, form: TicketForm) -> UUID | None:
    """Submit the trade; returns its id, or None if it was refused: the form then shows the reason."""
    values = form.cleaned_data
    command_id: UUID = values["form_id"]
    try:
        receipt = submit_trade.submit_trade(
            form.new_trade(values), actor=str(person), command_id=command_id, metadata=_CHANNEL
        )
    except CommandIdReused:
        report_duplicate(request, "the trade")
        return submit_trade.trade_id_for(command_id)
    except (CommandRefused, InvalidMessage, Conflict) as refusal:
        form.add_refusal(refusal)
        return None
    read_your_writes.remember_write(request, receipt)
    return receipt.aggregate_id


@require_safe
@customer_required
def trade(request: HttpRequest, person: UUID, trade_id: UUID) -> HttpResponse:
    """One trade; the page updates itself."""
    return render(request, "trading/trade.html", {"trade": _load_trade_or_404(trade_id, person)})


@require_http_methods(["GET", "HEAD", "POST"])
@customer_required
def cancel(request: HttpRequest, person: UUID, trade_id: UUID) -> HttpResponse:
    """Cancel the open quantity of a trade."""
    trade = _load_trade_or_404(trade_id, person)
    form = CancelRequestForm(request.POST or None)
    if form.is_valid():
        reason, form_id = form.cleaned_data["reason"], form.cleaned_data["form_id"]
        if submit_command(
            request,
            lambda: submit_trade.cancel_trade(
                trade_id, reason, actor=str(person), command_id=form_id, metadata=_CHANNEL
            ),
            subject="the trade",
        ):
            messages.success(request, "The open quantity is cancelled and its frozen amount is released.")
        return redirect("trading:trade", trade_id)
    return render(request, "trading/cancel.html", {"trade": trade, "form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@customer_required
def amend(request: HttpRequest, person: UUID, trade_id: UUID) -> HttpResponse:
    """Amend quantity or limit price of an open trade, and the amount that it freezes."""
    trade = _load_trade_or_404(trade_id, person)
    form = AmendForm(trade.terms, request.POST or None)
    if form.is_valid() and _amend(request, person, trade_id, form):
        return redirect("trading:trade", trade_id)
    return render(request, "trading/amend.html", {"trade": trade, "form": form})


def _amend(request: HttpRequest, person: UUID, trade_id: UUID, form: AmendForm) -> bool:
    """Amend the trade; False if it was refused: the form then shows the reason."""
    try:
        command, form_id = form.to_command(trade_id), form.cleaned_data["form_id"]
        receipt = submit_trade.amend_trade(command, actor=str(person), command_id=form_id, metadata=_CHANNEL)
    except CommandIdReused:
        report_duplicate(request, "the trade")
        return True
    except (CommandRefused, InvalidMessage, Conflict) as refusal:
        form.add_refusal(refusal)
        return False
    read_your_writes.remember_write(request, receipt)
    messages.success(request, "The trade is amended.")
    return True


@require_safe
@customer_required
def accounts(request: HttpRequest, person: UUID) -> HttpResponse:
    """The trading accounts with their limits and frozen amounts."""
    is_current = read_your_writes.wait_for_last_write(request, "trading-account")
    return render(request, "trading/accounts.html", {"accounts": load_customer_accounts(person), "current": is_current})
