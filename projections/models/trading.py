"""Read models of trades, positions, market minutes and trading accounts."""

from __future__ import annotations

from decimal import Decimal
from types import MappingProxyType

from django.db import models

from eventshop.projections.read_model import ReadModel
from eventshop.projections.row_details import RowDetail
from eventshop.projections.short_ids import ShortId
from projections.models.fields import exact_field, exact_sum_field, text_field


def instrument_field() -> models.CharField[str, str]:
    return models.CharField(max_length=60, help_text="Market and symbol.")


def currency_field() -> models.CharField[str, str]:
    return models.CharField(max_length=5)


class TradeBlotter(ReadModel):
    """The current state of a trade."""

    free_text = MappingProxyType({"reason": "trading-notes"})
    subjects = ("trade_id",)
    internal = ("closed_as",)

    class Status(models.TextChoices):
        OPEN = "OPEN", "Open"
        PARTLY_FILLED = "PARTLY_FILLED", "Partly filled"
        FILLED = "FILLED", "Filled"
        CANCELLED = "CANCELLED", "Cancelled"
        EXPIRED = "EXPIRED", "Expired"
        REJECTED = "REJECTED", "Rejected"
        SETTLED = "SETTLED", "Settled"

    trade_id = models.UUIDField(primary_key=True)
    reference = text_field(db_index=True)
    account_id = models.UUIDField()
    instrument = instrument_field()
    currency = currency_field()
    side = models.CharField(max_length=4)
    type = models.CharField(max_length=6)
    status = models.CharField(max_length=13, choices=Status.choices)
    quantity = exact_sum_field("Ordered.")
    limit_price = exact_field("Empty for a market order.", null=True)
    executed = exact_sum_field("The sum of its fills.")
    notional = exact_sum_field("The sum of price times quantity of its fills.")
    average_price = exact_field("Notional by executed, 10 decimals, half to even.", null=True)
    fills = models.IntegerField(default=0, help_text="Those that stand.")
    fees = exact_sum_field("Of the fills that stand, in `fee_currency`; below 0: rebates.")
    fee_currency = models.CharField(max_length=5, default="", help_text="That of the trade's values.")
    corrections = models.IntegerField(default=0, help_text="Fills corrected or declared void.")
    needs_review = models.BooleanField(default=False, help_text="The venue reported what breaks a rule of ours.")
    cancel_requested = models.BooleanField(default=False, help_text="The venue has not answered yet.")
    amend_requested = models.BooleanField(default=False, help_text="The venue has not answered yet.")
    closed_as = models.CharField(max_length=13, default="", help_text="How it was closed, whatever came afterwards.")
    on_hold = models.BooleanField(default=False, help_text="Staff hold its settlement back.")
    reason = text_field(help_text="Why it was rejected, cancelled, corrected or held.")
    submitted_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    settled_on = models.DateField(null=True)

    class Meta:
        verbose_name = "trade"
        default_permissions = ("view",)
        indexes = (
            models.Index(fields=["-submitted_at", "-trade_id"], name="blotter_newest"),
            models.Index(fields=["account_id", "-submitted_at"], name="blotter_account"),
            models.Index(ShortId("trade_id"), name="trade_short_id"),
        )

    def __str__(self) -> str:
        return f"{self.reference}"


class Position(ReadModel):
    """The position of one account in one instrument, with its cost and realised result by both methods of cost.

    Every column follows from the ledger, which is in the order of the venue's times: the order of arrival does not
    matter. The account says which of the two methods is its own.
    """

    identity = ("account_id", "instrument")
    internal = ("results",)

    id = models.CharField(max_length=100, primary_key=True)
    account_id = models.UUIDField()
    instrument = instrument_field()
    currency = models.CharField(max_length=5, help_text="Of cost and results: that of the contract, if there is one.")
    price_currency = models.CharField(max_length=5, default="", help_text="Of average prices.")
    multiplier = exact_field("What one piece is worth at a price of 1.", default=Decimal(1))
    inverse = models.BooleanField(default=False, help_text="A fixed amount of the quoted currency, paid in coin.")
    bought = exact_sum_field("Quantity of all buys.")
    bought_notional = exact_sum_field()
    sold = exact_sum_field("Quantity of all sells.")
    sold_notional = exact_sum_field()
    quantity = exact_sum_field("Bought less sold; negative when short.")
    average_cost = exact_field("Of what is held, for one piece, by average cost: 10 decimals.", null=True)
    open_cost = exact_sum_field("What was paid for what is held, by average cost; negative when short.")
    realised = exact_sum_field("What was earned by closing, by average cost: 10 decimals.")
    fifo_average_cost = exact_field("As `average_cost`, by first in, first out.", null=True)
    fifo_open_cost = exact_sum_field("As `open_cost`, by first in, first out.")
    fifo_realised = exact_sum_field("As `realised`, by first in, first out.")
    fees = exact_sum_field("Of the fills that stand; below 0: rebates.")
    net_realised = exact_sum_field("`realised` less fees.")
    fifo_net_realised = exact_sum_field("`fifo_realised` less fees.")
    results = models.TextField(default="", help_text="What the next fill goes on with, as JSON.")
    updated_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "position"
        default_permissions = ("view",)
        indexes = (models.Index(fields=["account_id", "instrument"], name="position_account"),)

    def __str__(self) -> str:
        return f"{self.instrument}"


class PositionPage(RowDetail):
    """Some lines of a position's ledger: what was bought and sold at each instant."""


class MarketMinuteTrade(RowDetail):
    """What was bought and sold in a minute under one number of the venue, by price."""


class MarketMinute(ReadModel):
    """The trades in one instrument in one minute (UTC), summed up. One with both sides ours counts once."""

    identity = ("instrument", "minute")

    id = models.CharField(max_length=100, primary_key=True)
    instrument = instrument_field()
    minute = models.DateTimeField()
    currency = currency_field()
    trades = models.IntegerField(default=0)
    volume = exact_sum_field()
    notional = exact_sum_field("The sum of price times quantity.")
    vwap = exact_field("Volume-weighted average price: 10 decimals, half to even.", null=True)
    low = exact_field(null=True)
    high = exact_field(null=True)

    class Meta:
        verbose_name = "market minute"
        default_permissions = ("view",)
        indexes = (
            models.Index(fields=["-minute", "instrument"], name="market_newest"),
            models.Index(fields=["instrument", "-minute"], name="market_instrument"),
        )

    def __str__(self) -> str:
        return f"{self.instrument} {self.minute:%Y-%m-%dT%H:%MZ}"


class TradingAccount(ReadModel):
    """The current state of a trading account; the limits of single instruments are only in its events."""

    account_id = models.UUIDField(primary_key=True)
    reference = text_field(db_index=True)
    owner_id = models.UUIDField(null=True, db_index=True, help_text="Empty for a house account.")
    currency = currency_field()
    gross_limit = exact_sum_field("How much may be frozen at once over all instruments.")
    frozen = exact_sum_field("What its open trades use of that.")
    frozen_trades = models.IntegerField(default=0, help_text="How many those are.")
    cost_method = models.CharField(max_length=7, default="AVERAGE", help_text="By which its results are computed.")
    refusals = models.IntegerField(default=0, help_text="Trades that found too little left of a limit.")
    opened_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name = "trading account"
        default_permissions = ("view",)
        indexes = (models.Index(fields=["-updated_at"], name="trading_account_newest"),)

    def __str__(self) -> str:
        return f"{self.reference}"
