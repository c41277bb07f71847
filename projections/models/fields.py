"""Kinds of column that several read models have."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


def money(help_text: str = "", **options: Any) -> models.DecimalField[Any, Any]:
    """An exact amount; its currency is the row's `currency`."""
    return models.DecimalField(max_digits=18, decimal_places=3, default=Decimal(0), help_text=help_text, **options)


def reference(**options: Any) -> models.CharField[Any, Any]:
    return models.CharField(max_length=200, **options)


if TYPE_CHECKING:
    _DecimalField = models.DecimalField[Any, Any]
else:
    _DecimalField = models.DecimalField


class ExactField(_DecimalField):
    """A decimal that keeps every digit on both databases: SQLite would make a float of it, so it is text there."""

    def get_internal_type(self) -> str:
        return "ExactField"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "text" if connection.vendor == "sqlite" else f"numeric({self.max_digits}, {self.decimal_places})"

    def from_db_value(self, value: Any, *_: Any) -> Decimal | None:
        return value if value is None else Decimal(value)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        exact = self.to_python(value)
        return exact if exact is None or connection.vendor != "sqlite" else f"{exact:f}"


def exact(help_text: str = "", **options: Any) -> ExactField:
    """A price, a quantity, or sums of their products: 16 decimals, 22 digits before them."""
    return ExactField(max_digits=38, decimal_places=16, help_text=help_text, **options)


def summed(help_text: str = "") -> ExactField:
    return exact(help_text, default=Decimal(0))
