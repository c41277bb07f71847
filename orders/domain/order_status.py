"""The states of an order."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    PENDING = "PENDING"  # nothing has happened yet
    CREATED = "CREATED"
    PAID = "PAID"
    SHIPPED = "SHIPPED"
    DELIVERED = "DELIVERED"
    CANCELLED = "CANCELLED"
    CREDITED = "CREDITED"  # a credit note, not an order
    REVERSED = "REVERSED"  # a credit note that is void
