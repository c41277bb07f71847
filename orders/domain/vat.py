"""Value added tax that is included in prices. The rates are those of the United Kingdom.

Source: https://www.gov.uk/vat-rates, read on 30 November 2026: standard rate 20 %, reduced rate 5 %, zero rate.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from msgspec import Struct

from eventshop.core.currencies import CURRENCIES, decimals_of
from eventshop.core.decimal_math import format_plain
from eventshop.core.money import Money, round_to_payable, total

STANDARD_PERCENT: Final = Decimal(20)


class VatAmount(Struct, frozen=True, forbid_unknown_fields=True):
    """What was charged at one rate: the amount without tax, the tax in it, and both."""

    percent: Decimal
    net: Money
    vat: Money
    gross: Money


def plain_percent(percent: Decimal) -> Decimal:
    """A rate without needless zeros, and without an exponent: 20 and 5.5."""
    return Decimal(format_plain(percent))


def included_vat(amounts: Iterable[tuple[Money, Decimal]]) -> tuple[VatAmount, ...]:
    """The tax that is included in gross amounts of one currency, each with its rate in percent; by rate.

    It is rounded half up, once for each rate, to the decimals of the currency: the sum of net and tax is the gross.
    Amounts in a currency that does not exist include no tax.
    """
    by_rate: dict[Decimal, list[Money]] = {}
    for gross, percent in amounts:
        if gross.currency not in CURRENCIES:
            return ()
        by_rate.setdefault(plain_percent(percent), []).append(gross)
    return tuple(_vat_of(percent, by_rate[percent]) for percent in sorted(by_rate, reverse=True))


def _vat_of(percent: Decimal, amounts: list[Money]) -> VatAmount:
    gross = round_to_payable(total(amounts, currency=amounts[0].currency))
    exact = gross.amount * percent / (100 + percent)
    vat = Money(exact.quantize(Decimal(1).scaleb(-decimals_of(gross.currency)), ROUND_HALF_UP), gross.currency)
    return VatAmount(percent, gross - vat, vat, gross)
