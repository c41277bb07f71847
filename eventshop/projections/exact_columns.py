"""Columns of exact decimals on both databases, for read models and for models of the domains.

PostgreSQL has `numeric`. SQLite has floats, which turn 0.1 + 0.2 into 0.30000000000000004: there an exact decimal is a
text, which `ORDER BY`, comparisons and indexes order by number (a collation), and `sum` is replaced by one that adds
decimals exactly, so that Django's `Sum` over such a column is exact on both. Arithmetic in SQL (`F("gross") - 1`) is
float arithmetic on SQLite: compute in Python instead.

Use `money_field()` of `projections/models/fields.py` in read models, and `MoneyField` elsewhere.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING, Any, Final

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver

from eventshop.core.decimal_math import add, subtract

COLLATION: Final = "exact_decimal"
#: Sums have more digits than their column.
_CONTEXT: Final = Context(prec=76, rounding=ROUND_HALF_UP)

if TYPE_CHECKING:
    _DecimalField = models.DecimalField[Any, Any]
else:
    _DecimalField = models.DecimalField


class ExactField(_DecimalField):
    """A decimal that is stored with all its digits."""

    def get_internal_type(self) -> str:
        return "ExactField"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        if connection.vendor == "sqlite":
            return f"text COLLATE {COLLATION}"
        return f"numeric({self.max_digits}, {self.decimal_places})"

    def from_db_value(self, value: Any, *_: Any) -> Decimal | None:
        return value if value is None else Decimal(value)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        exact = self.to_python(value)
        return exact if exact is None or connection.vendor != "sqlite" else f"{exact:f}"


class MoneyField(ExactField):
    """An amount, rounded half up to the column's decimals."""

    def get_internal_type(self) -> str:
        return "MoneyField"

    def from_db_value(self, value: Any, *_: Any) -> Decimal | None:
        return value if value is None else self._rounded(Decimal(value))

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        amount = self.to_python(value)
        return super().get_db_prep_value(amount if amount is None else self._rounded(amount), connection, prepared)

    def _rounded(self, value: Decimal) -> Decimal:
        return value.quantize(Decimal(1).scaleb(-self.decimal_places), context=_CONTEXT)


class ExactSum:
    """SQLite's `sum` for whole numbers and decimals in texts, exact; floats are added as floats. A window function."""

    def __init__(self) -> None:
        self._count, self._exact, self._floats = 0, Decimal(0), 0.0
        self._is_text = False

    def step(self, value: int | float | str | None) -> None:
        if isinstance(value, float):
            self._floats += value
        elif value is not None:
            self._is_text |= isinstance(value, str)
            self._exact = add(self._exact, Decimal(value))
        self._count += value is not None

    def inverse(self, value: int | float | str | None) -> None:
        if isinstance(value, float):
            self._floats -= value
        elif value is not None:
            self._exact = subtract(self._exact, Decimal(value))
        self._count -= value is not None

    def value(self) -> int | float | str | None:
        if not self._count:
            return None
        if self._floats:
            return float(self._exact) + self._floats
        return f"{self._exact:f}" if self._is_text or abs(self._exact) >= 2**63 else int(self._exact)

    finalize = value


def compare_decimals(left: str, right: str) -> int:
    """The order of two decimals in texts: negative, zero or positive."""
    if left == right:
        return 0
    return int(Decimal(left).compare(Decimal(right), _CONTEXT))


@receiver(connection_created)
def add_functions(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Add the collation and the sum to a new connection to SQLite."""
    if connection.vendor == "sqlite":
        connection.connection.create_collation(COLLATION, compare_decimals)
        connection.connection.create_window_function("sum", 1, ExactSum)
