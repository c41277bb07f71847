"""An exact amount in one currency, and the one rule of rounding.

`Money` holds any code of three capital letters: stored events may name a currency that ISO 4217 has withdrawn since, or
a trading venue's own. What is paid is in a currency of ISO 4217 (`currencies.py`): the functions below raise
`UnknownCurrency` for any other.

The rule: money is asked for, taken and given back in whole minor units. A total or a sum that is owed is rounded half
up to the smallest amount that can be paid (`round_to_payable`). Of several refunds, each is what is owed so far,
rounded, less what was given back so far: two returns of 3.335 GBP are 3.34 and 3.33.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Final

from msgspec import Struct

from eventshop.core.currencies import decimals_of, smallest_payment
from eventshop.core.errors import CurrencyMismatch, InvalidMoney, UnpayableAmount
from eventshop.core.personal_fields import NotPersonal

#: More decimals than any price needs (ISO 4217 goes to 4, crypto venues quote 8).
MAX_DECIMALS: Final = 8
#: Whole digits that every money column can hold.
MAX_DIGITS: Final = 15

_CURRENCY_CODE: Final = re.compile(r"[A-Z]{3}")
_PLAIN_AMOUNT: Final = re.compile(rf"-?[0-9]{{1,{MAX_DIGITS}}}(?:\.[0-9]{{1,{MAX_DECIMALS}}})?")
#: Currency codes that passed validation before.
_known_currencies: Final[set[str]] = set()


class Money(Struct, frozen=True, forbid_unknown_fields=True):
    """An amount (exact, finite `Decimal`) and the code of its currency.

    Mixing two currencies raises `CurrencyMismatch`. A float, a NaN or more than eight decimals raises
    `InvalidMoney`. As JSON: `{"amount": "9.00", "currency": "GBP"}`.
    """

    amount: Decimal
    currency: Annotated[str, NotPersonal("the code of a currency")]

    def __post_init__(self) -> None:
        amount, currency = self.amount, self.currency
        if (
            type(amount) is Decimal
            and type(currency) is str
            and currency in _known_currencies
            and _PLAIN_AMOUNT.fullmatch(str(amount))
        ):
            return  # fast path for nearly all amounts: every read of a stored event validates its amounts here
        self._validate()
        _known_currencies.add(currency)

    def _validate(self) -> None:
        amount, currency = self.amount, self.currency
        if type(amount) is not Decimal:
            raise InvalidMoney("an amount must be a Decimal, written as text", amount=repr(amount))
        if not amount.is_finite():
            raise InvalidMoney(amount=amount)
        if not (type(currency) is str and _CURRENCY_CODE.fullmatch(currency)):
            raise InvalidMoney("a currency must be three capital letters", currency=repr(currency))
        if self.decimals > MAX_DECIMALS:
            raise InvalidMoney(f"{amount} has more than {MAX_DECIMALS} decimals", amount=amount)
        if amount.adjusted() >= MAX_DIGITS:
            raise InvalidMoney(f"{amount} has more than {MAX_DIGITS} digits", amount=amount)

    @property
    def decimals(self) -> int:
        exponent = self.amount.as_tuple().exponent
        return max(0, -exponent) if isinstance(exponent, int) else 0

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same_currency_amount(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same_currency_amount(other), self.currency)

    def __mul__(self, quantity: int) -> Money:
        if type(quantity) is not int:
            raise InvalidMoney("money can only be multiplied by a whole number", quantity=repr(quantity))
        return Money(self.amount * quantity, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same_currency_amount(other)

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same_currency_amount(other)

    def __str__(self) -> str:
        return f"{self.amount:,} {self.currency}"

    def _same_currency_amount(self, other: Money) -> Decimal:
        if self.currency != other.currency:
            raise CurrencyMismatch(left=self.currency, right=other.currency)
        return other.amount


def total(amounts: Iterable[Money], *, currency: str) -> Money:
    """Return the sum of amounts in `currency`, zero for none; raises `CurrencyMismatch`."""
    result = Money(Decimal(0), currency)
    for amount in amounts:
        result = result + amount
    return result


def round_to_payable(amount: Money) -> Money:
    """Round half up (half away from zero) to the smallest amount that can be paid. Raises `UnknownCurrency`."""
    unit = smallest_payment(amount.currency)
    decimals = Decimal(1).scaleb(-decimals_of(amount.currency))
    return Money(amount.amount.quantize(unit, ROUND_HALF_UP).quantize(decimals), amount.currency)


def check_payable(amount: Money) -> None:
    """Raise `UnpayableAmount` for a fraction of the smallest amount that can be paid, or `UnknownCurrency`."""
    unit = smallest_payment(amount.currency)
    if amount.amount % unit:
        raise UnpayableAmount(
            f"{amount} cannot be paid: amounts in {amount.currency} are multiples of {unit}",
            amount=str(amount),
            smallest=str(unit),
        )


def to_minor_units(amount: Money) -> int:
    """An amount in minor units: 900 for 9.00 GBP, 500 for 500 XOF. Raises `UnpayableAmount` or `UnknownCurrency`."""
    check_payable(amount)
    return int(amount.amount.scaleb(decimals_of(amount.currency)))


def from_minor_units(minor_units: int, currency: str) -> Money:
    """The amount of a number of minor units. Raises `UnknownCurrency`."""
    return Money(Decimal(minor_units).scaleb(-decimals_of(currency)), currency)
