"""Column types that several read models share."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


def money_field(help_text: str = "", **options: Any) -> models.DecimalField[Any, Any]:
    """An exact amount in the row's `currency`."""
    return models.DecimalField(max_digits=18, decimal_places=3, default=Decimal(0), help_text=help_text, **options)


def text_field(**options: Any) -> models.CharField[Any, Any]:
    """A document number, SKU or other short text."""
    return models.CharField(max_length=200, **options)


if TYPE_CHECKING:
    _DecimalField = models.DecimalField[Any, Any]
else:
    _DecimalField = models.DecimalField


class ExactField(_DecimalField):
    """A decimal without loss of digits on both databases. SQLite would store a float, so the column is text there."""

    def get_internal_type(self) -> str:
        return "ExactField"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "text" if connection.vendor == "sqlite" else f"numeric({self.max_digits}, {self.decimal_places})"

    def from_db_value(self, value: Any, *_: Any) -> Decimal | None:
        return value if value is None else Decimal(value)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        exact = self.to_python(value)
        return exact if exact is None or connection.vendor != "sqlite" else f"{exact:f}"


def exact_field(help_text: str = "", **options: Any) -> ExactField:
    """A price, a quantity, or a sum of their products: 16 decimals, 22 digits before them."""
    return ExactField(max_digits=38, decimal_places=16, help_text=help_text, **options)


def exact_sum_field(help_text: str = "") -> ExactField:
    """An exact decimal that starts at zero."""
    return exact_field(help_text, default=Decimal(0))
