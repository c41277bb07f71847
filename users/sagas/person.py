"""The subject of every saga about a person: the events of users say whose they are."""

from __future__ import annotations

from typing import Any
from uuid import UUID


def person_of(event: Any) -> UUID:
    user_id: UUID = event.user_id
    return user_id
