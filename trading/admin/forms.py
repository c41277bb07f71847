"""What staff fill in to settle, hold, correct, declare void, reject or cancel a trade."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.utils import timezone
from msgspec.structs import replace

from eventshop.admin_console.command_actions import CommandForm
from trading.application.number_formatting import written
from trading.domain.commands import (
    BustTrade,
    CancelTrade,
    CorrectTrade,
    HoldSettlement,
    RejectTrade,
    ResumeSettlement,
    SettleTrade,
    TradeCommand,
)
from trading.domain.events import MAX_DECIMALS
from trading.domain.trade import Trade

_INPUT = {"class": "es-input"}
#: Fills that a dialog offers, the newest first.
MOST_OFFERED = 200


def _number(label: str) -> forms.DecimalField:
    widget = forms.TextInput(attrs={**_INPUT, "inputmode": "decimal"})
    return forms.DecimalField(label=label, max_digits=10 + MAX_DECIMALS, decimal_places=MAX_DECIMALS, widget=widget)


class TradeForm(CommandForm[Trade]):
    """A dialog about one trade."""

    reason = forms.CharField(
        label="Reason", help_text="Stays on record for ever.", max_length=200, widget=forms.TextInput(attrs=_INPUT)
    )


class _ReasonForm(TradeForm):
    """Nothing to say but why."""

    because: ClassVar[type[HoldSettlement | ResumeSettlement | RejectTrade | CancelTrade]]

    def command(self, aggregate_id: UUID) -> TradeCommand:
        return self.because(aggregate_id, self.cleaned_data["reason"])

    def probe(self, aggregate_id: UUID) -> TradeCommand:
        return self.because(aggregate_id, "?")


class SettleForm(TradeForm):
    title = "Settle early"
    effect = "The trade settles with today as its value date. Afterwards nothing about it can be changed."
    button = "Settle the trade"
    done = "settled"
    dangerous = True

    def command(self, aggregate_id: UUID) -> TradeCommand:
        return SettleTrade(aggregate_id, timezone.localdate())

    probe = command


class HoldForm(_ReasonForm):
    title = "Hold"
    effect = "The trade does not settle, even on its day, until somebody releases the hold."
    button = "Hold the settlement"
    done = "put on hold"
    because = HoldSettlement


class ReleaseForm(_ReasonForm):
    title = "Release hold"
    effect = "The trade settles on its day; if that is past already, it settles now."
    button = "Release the hold"
    done = "released"
    because = ResumeSettlement


class RejectForm(_ReasonForm):
    title = "Reject"
    effect = "The trade is not let through to the venue, and what it froze is free again. This cannot be undone."
    button = "Reject the trade"
    done = "rejected"
    dangerous = True
    because = RejectTrade


class CancelForm(_ReasonForm):
    title = "Cancel"
    effect = "What is open will not be filled, what was filled stays. This cannot be undone."
    button = "Cancel what is open"
    done = "cancelled"
    dangerous = True
    because = CancelTrade


class _FillForm(TradeForm):
    """About one of the fills that stand."""

    dangerous = True
    fill = forms.ChoiceField(label="Fill", widget=forms.Select(attrs=_INPUT))
    field_order = ("fill",)

    def __init__(self, state: Trade, data: Any = None) -> None:
        super().__init__(state, data)
        self.standing = {it.first.venue_trade_id: it.fill for it in state.fills if not it.void}
        fill = self.fields["fill"]
        assert isinstance(fill, forms.ChoiceField)  # noqa: S101  (narrows a type)
        newest = list(self.standing.items())[::-1][:MOST_OFFERED]
        fill.choices = [(number, f"{number}: {written(it.quantity)} at {written(it.price)}") for number, it in newest]

    def probe(self, aggregate_id: UUID) -> TradeCommand:
        return BustTrade(aggregate_id, next(iter(self.standing), "none"), "?")


class CorrectForm(_FillForm):
    title = "Correct a fill"
    effect = "The fill counts as given below. What was told before stays on record. A done trade may be open again."
    button = "Correct the fill"
    done = "corrected"

    price = _number("Price")
    quantity = _number("Quantity")

    def command(self, aggregate_id: UUID) -> TradeCommand:
        values = self.cleaned_data
        right = replace(self.standing[values["fill"]], price=values["price"], quantity=values["quantity"])
        return CorrectTrade(aggregate_id, right, values["reason"])


class BustForm(_FillForm):
    title = "Declare a fill void"
    effect = "The fill counts no longer. It stays on record. A done trade is open again."
    button = "Declare it void"
    done = "relieved of a void fill"

    def command(self, aggregate_id: UUID) -> TradeCommand:
        return BustTrade(aggregate_id, self.cleaned_data["fill"], self.cleaned_data["reason"])
