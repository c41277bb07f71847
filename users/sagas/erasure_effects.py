"""What leaving has done outside, and what it is answered."""

from __future__ import annotations

from uuid import UUID

from eventshop.core.messages import Name
from eventshop.core.saga import Answer, Effect


class LookForGrounds(Effect, frozen=True):
    """Find out whether anything keeps a person's data for now, such as an open order."""

    user_id: UUID


class GroundsFound(Answer, frozen=True):
    """What keeps it; nothing: it can be erased."""

    reasons: tuple[Name, ...]


class EraseTraces(Effect, frozen=True):
    """Destroy the keys, empty every row, close the account, and look everywhere for what is left."""

    user_id: UUID


class TracesErased(Answer, frozen=True):
    certificate_id: UUID
