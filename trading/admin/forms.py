"""Forms of the dialogs in which staff settle, hold, correct, bust, reject or cancel a trade."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.utils import timezone
from msgspec.structs import replace

from eventshop.admin_console.command_actions import AggregateCommandForm
from eventshop.core.decimal_math import add, format_plain
from eventshop.core.human_text import VISIBLE_TEXT
from eventshop.formats.form_fields import StrictDecimalField, TextField
from trading.application.number_formatting import format_number
from trading.domain.commands import (
    AmendTrade,
    BustTrade,
    CancelTrade,
    CorrectTrade,
    HoldSettlement,
    RejectTrade,
    ResumeSettlement,
    ReviewTrade,
    SettleTrade,
    TradeCommand,
)
from trading.domain.contract_value import money_currency
from trading.domain.events import MAX_DECIMALS, Fee
from trading.domain.trade import Trade

_INPUT = {"class": "es-input"}
#: The most fills that a dialog offers, newest first.
MAX_FILL_CHOICES = 200


def _decimal_field(label: str, **options: Any) -> StrictDecimalField:
    widget = forms.TextInput(attrs={**_INPUT, "inputmode": "decimal"})
    return StrictDecimalField(
        label=label, max_digits=10 + MAX_DECIMALS, decimal_places=MAX_DECIMALS, widget=widget, **options
    )


class TradeActionForm(AggregateCommandForm[Trade]):
    """Base of the dialogs about one trade."""

    reason = TextField(
        rule=VISIBLE_TEXT,
        label="Reason",
        help_text="The reason is recorded permanently.",
        widget=forms.TextInput(attrs=_INPUT),
    )


class _ReasonOnlyForm(TradeActionForm):
    """Base of the dialogs that ask only for a reason."""

    command_type: ClassVar[type[HoldSettlement | ResumeSettlement | ReviewTrade | RejectTrade | CancelTrade]]

    def command(self, aggregate_id: UUID) -> TradeCommand:
        return self.command_type(aggregate_id, self.cleaned_data["reason"])

    def probe(self, aggregate_id: UUID) -> TradeCommand:
        return self.command_type(aggregate_id, "?")


class SettleTradeForm(TradeActionForm):
    title = "Settle early"
    effect = "The trade settles with today as its value date."
    button = "Settle the trade"
    outcome = "settled"
    dangerous = True

    def command(self, aggregate_id: UUID) -> TradeCommand:
        return SettleTrade(aggregate_id, timezone.localdate())

    probe = command


class HoldSettlementForm(_ReasonOnlyForm):
    title = "Hold"
    effect = "The trade does not settle, even on its settlement day, until the hold is released."
    button = "Hold the settlement"
    outcome = "put on hold"
    command_type = HoldSettlement


class ResumeSettlementForm(_ReasonOnlyForm):
    title = "Release hold"
    effect = "The trade settles on its settlement day; if that day is past, it settles now."
    button = "Release the hold"
    outcome = "released"
    command_type = ResumeSettlement


class ReviewTradeForm(_ReasonOnlyForm):
    title = "Reviewed"
    effect = "What the venue reported stays as it is; the trade is no longer listed for review."
    button = "Mark it as reviewed"
    outcome = "marked as reviewed"
    command_type = ReviewTrade


class RejectTradeForm(_ReasonOnlyForm):
    title = "Reject"
    effect = "The trade is not sent to the venue, and its frozen amount is released. This cannot be undone."
    button = "Reject the trade"
    outcome = "rejected"
    dangerous = True
    command_type = RejectTrade


class CancelTradeForm(_ReasonOnlyForm):
    title = "Cancel"
    effect = "The open quantity will not be filled; the fills stay. This cannot be undone."
    button = "Cancel the open quantity"
    outcome = "cancelled"
    dangerous = True
    command_type = CancelTrade


class AmendTradeForm(TradeActionForm):
    title = "Amend"
    effect = "The open trade gets these values, and freezes the amount that follows from them."
    button = "Amend the trade"
    outcome = "amended"
    field_order = ("quantity", "limit_price", "reason")

    quantity = _decimal_field("Quantity")
    limit_price = _decimal_field("Limit price")

    def __init__(self, state: Trade, data: Any = None) -> None:
        super().__init__(state, data)
        self.fields["quantity"].initial = format_plain(state.terms.quantity)
        limit = state.terms.limit_price
        if limit is None:
            del self.fields["limit_price"]
        else:
            self.fields["limit_price"].initial = format_plain(limit)

    def command(self, aggregate_id: UUID) -> TradeCommand:
        values = self.cleaned_data
        return AmendTrade(aggregate_id, values["reason"], values["quantity"], values.get("limit_price"))

    def probe(self, aggregate_id: UUID) -> TradeCommand:
        terms = self.state.terms
        return AmendTrade(aggregate_id, "?", add(terms.quantity, terms.instrument.lot), terms.limit_price)


class _FillForm(TradeActionForm):
    """Base of the dialogs about one fill that is not void."""

    dangerous = True
    fill = forms.ChoiceField(label="Fill", widget=forms.Select(attrs=_INPUT))
    field_order = ("fill",)

    def __init__(self, state: Trade, data: Any = None) -> None:
        super().__init__(state, data)
        self.valid_fills = {record.first.venue_trade_id: record.fill for record in state.fills if not record.void}
        field = self.fields["fill"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  (narrows a type)
        newest = list(self.valid_fills.items())[::-1][:MAX_FILL_CHOICES]
        field.choices = [
            (number, f"{number}: {format_number(fill.quantity)} at {format_number(fill.price)}")
            for number, fill in newest
        ]

    def probe(self, aggregate_id: UUID) -> TradeCommand:
        return BustTrade(aggregate_id, next(iter(self.valid_fills), "none"), "?")


class CorrectFillForm(_FillForm):
    title = "Correct a fill"
    effect = "The fill gets the values below; the reported values stay on record. A filled trade may be open again."
    button = "Correct the fill"
    outcome = "corrected"

    price = _decimal_field("Price")
    quantity = _decimal_field("Quantity")
    fee = _decimal_field("Fee", required=False, help_text="Empty: as it was reported, or by the terms of the trade.")

    def command(self, aggregate_id: UUID) -> TradeCommand:
        values = self.cleaned_data
        amount = values["fee"]
        fee = None if amount is None else Fee(amount, money_currency(self.state.terms.instrument))
        known = self.valid_fills[values["fill"]]
        corrected = replace(known, price=values["price"], quantity=values["quantity"], fee=fee)
        return CorrectTrade(aggregate_id, corrected, values["reason"])


class BustFillForm(_FillForm):
    title = "Declare a fill void"
    effect = "The fill no longer counts but stays on record. A filled trade is open again."
    button = "Declare it void"
    outcome = "cleared of a void fill"

    def command(self, aggregate_id: UUID) -> TradeCommand:
        return BustTrade(aggregate_id, self.cleaned_data["fill"], self.cleaned_data["reason"])
