"""Command receipts: what an accepted command answered, stored in the transaction of its events.

The same command again, by its id and the digest of its payload, gets the stored answer; another payload is refused.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct


class Receipt(Struct, frozen=True):
    """The result of an accepted command. `replayed`: the command was accepted before, this is its first receipt."""

    command_id: UUID
    command_type: str
    aggregate_id: UUID
    aggregate_type: str
    version: int  # of the stream after the command
    events: int  # number of new events; 0: the command changed nothing
    position: int  # of the last new event; 0: none
    replayed: bool = False


class ReceiptRow(NamedTuple):
    """The columns of a receipt in table order."""

    command_id: UUID
    command_type: str
    payload_hash: bytes
    aggregate_id: UUID
    aggregate_type: str
    version: int
    events: int
    position: int
    actor: str
    recorded_at: datetime
