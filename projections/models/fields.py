"""Column types that several read models share."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models

from eventshop.projections.exact_columns import ExactField as ExactField
from eventshop.projections.exact_columns import MoneyField


def money_field(help_text: str = "", **options: Any) -> MoneyField:
    """An exact amount in the row's `currency`: `Sum` over it is exact, on SQLite too."""
    options.setdefault("default", Decimal(0))
    return MoneyField(max_digits=18, decimal_places=3, help_text=help_text, **options)


def text_field(**options: Any) -> models.CharField[Any, Any]:
    """A document number, SKU or other short text."""
    return models.CharField(max_length=200, **options)


def exact_field(help_text: str = "", **options: Any) -> ExactField:
    """A price, a quantity, or a sum of their products: 16 decimals, 22 digits before them."""
    return ExactField(max_digits=38, decimal_places=16, help_text=help_text, **options)


def exact_sum_field(help_text: str = "") -> ExactField:
    """An exact decimal that starts at zero."""
    return exact_field(help_text, default=Decimal(0))
