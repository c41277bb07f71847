"""Django models of the app; its aggregates live in the event store."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from eventshop.core.errors import InvalidMessage
from eventshop.projections.exact_columns import ExactField
from trading.domain.events import MAX_DECIMALS, FeeTerms
from trading.domain.instruments import Listing, build_listing, parse_tick_table


def _terms_field(help_text: str = "", **options: Any) -> ExactField:
    return ExactField(max_digits=10 + MAX_DECIMALS, decimal_places=MAX_DECIMALS, help_text=help_text, **options)


class InstrumentVersion(models.Model):
    """One version of an instrument; the newest one counts. Rows are only added: they are the history."""

    code = models.CharField(max_length=60, help_text="Venue and symbol, such as XETRA/SAP; never changes.")
    version = models.PositiveIntegerField(help_text="1 for the first, without a gap.")
    currency = models.CharField(max_length=5, help_text="Of its prices.")
    tick = _terms_field("Prices are multiples of it.")
    tick_table = models.CharField(
        max_length=1_000, blank=True, help_text="Ticks of higher prices, such as 10:0.05 20:0.1 (from 10 on, 0.05)."
    )
    lot = _terms_field("Quantities are multiples of it.")
    multiplier = _terms_field("What one piece is worth at a price of 1.", default=1)
    inverse = models.BooleanField(default=False, help_text="Worth a fixed amount of its currency, paid in coin.")
    value_currency = models.CharField(max_length=5, help_text="Of values, results and limits.")
    settlement_days = models.PositiveSmallIntegerField(help_text="Business days from the trade to its settlement.")
    settlement_calendar = models.CharField(max_length=20, help_text="The days on which trades settle.")
    trading_calendar = models.CharField(
        max_length=20, help_text="The days on which the venue trades, and when they end."
    )
    negative_prices = models.BooleanField(default=False, help_text="Its price may be 0 or less.")
    active_from = models.DateField(null=True, blank=True, help_text="The first day of trading; empty: no limit.")
    active_to = models.DateField(null=True, blank=True, help_text="The last day of trading; empty: no limit.")
    changed_by = models.CharField(max_length=200)
    changed_at = models.DateTimeField(auto_now_add=True)
    reason = models.CharField(max_length=200, help_text="Why it was added or changed.")

    class Meta:
        verbose_name = "instrument"
        default_permissions = ("add", "change", "view")
        constraints = (models.UniqueConstraint(fields=["code", "version"], name="instrument_version"),)

    def __str__(self) -> str:
        return f"{self.code}"

    def to_listing(self) -> Listing:
        """Raises `InvalidMessage` where the columns make no sense together."""
        return build_listing(
            code=self.code,
            currency=self.currency,
            tick=self.tick,
            tick_table=parse_tick_table(self.tick_table),
            lot=self.lot,
            multiplier=self.multiplier,
            inverse=self.inverse,
            value_currency=self.value_currency,
            settlement_days=self.settlement_days,
            settlement_calendar=self.settlement_calendar,
            trading_calendar=self.trading_calendar,
            negative_prices=self.negative_prices,
            active_from=self.active_from,
            active_to=self.active_to,
        )


class ExchangeRate(models.Model):
    """What one unit of a currency was worth in another at a time. Rows are only added: they are the history."""

    base = models.CharField(max_length=5, help_text="The currency of which one unit is worth `rate`, such as EUR.")
    quote = models.CharField(max_length=5, help_text="The currency of `rate`, such as USD.")
    rate = _terms_field("More than 0.")
    at = models.DateTimeField(help_text="When it was so, by its source.")
    recorded_by = models.CharField(max_length=200)
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ("add", "view")
        constraints = (
            models.UniqueConstraint(fields=["base", "quote", "at"], name="exchange_rate_at"),
            models.CheckConstraint(condition=models.Q(rate__gt=0), name="exchange_rate_above_0"),
        )

    def __str__(self) -> str:
        return f"{self.base}/{self.quote}"


class FeeSchedule(models.Model):
    """The terms of fees from a time on. Rows are only added: they are the history."""

    account_id = models.UUIDField(null=True, blank=True, help_text="The account they are for; empty: all others.")
    instrument = models.CharField(
        max_length=60, blank=True, help_text="Venue and symbol, such as XETRA/SAP; empty: all others."
    )
    rate = ExactField(
        max_digits=9,
        decimal_places=MAX_DECIMALS,
        help_text="Of the value: 0.001 is a tenth of a percent; below 0: rebate.",
    )
    per_piece = _terms_field("For each piece, in the currency of the values.", default=0)
    minimum = _terms_field("Of each fill, in the currency of the values; 0: none.", default=0)
    valid_from = models.DateTimeField(help_text="For trades that are submitted from then on.")
    recorded_by = models.CharField(max_length=200)
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ("add", "view")
        indexes = (models.Index(fields=["-valid_from"], name="fee_schedule_newest"),)

    def __str__(self) -> str:
        return self.instrument or "all instruments"

    def to_terms(self) -> FeeTerms:
        """Raises `InvalidMessage` where the numbers make no sense."""
        return FeeTerms(self.rate, self.per_piece, self.minimum)

    def clean(self) -> None:
        try:
            self.to_terms()
        except InvalidMessage as error:
            raise ValidationError(error.message) from error


class TradePermission(models.Model):
    """No table: it carries the permissions to act on trades and accounts (`trading/permissions.py`)."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = (
            ("submit_trade", "Can submit trades for any account"),
            ("fill_trade", "Can report fills"),
            ("reject_trade", "Can reject trades"),
            ("amend_trade", "Can amend anybody's trades"),
            ("cancel_trade", "Can cancel anybody's trades"),
            ("correct_trade", "Can correct fills and declare them void"),
            ("settle_trade", "Can settle trades, hold their settlement back and let it go on"),
            ("open_account", "Can open trading accounts"),
            ("set_limit", "Can set the limits of trading accounts"),
        )

    def __str__(self) -> str:
        return self._meta.label
