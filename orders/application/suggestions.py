"""Suggestions of goods from what a person bought: only with their consent, and recorded once a day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final, TypeAlias
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.port import Port
from eventshop.privacy.processing import DataUse, require_ground, use_personal_data

#: Takes a person and a number; gives at most so many SKUs, the likeliest first. A read model answers.
BoughtTogether: TypeAlias = Callable[[UUID, int], Sequence[str]]

bought_together: Final = Port[BoughtTogether]("bought together")
#: Suggestions on a page.
SUGGESTIONS: Final = 12


def suggest_goods(person: UUID, on: date) -> Sequence[str]:
    """SKUs for a person. Raises `CommandRefused` without their consent; then nothing they bought is looked at."""
    occasion = derive_id("suggestions", person, on.isoformat())
    use = DataUse(person, "Personalisation", "Suggestions of goods", ("purchases",), occasion)
    require_ground(use)
    skus = bought_together.get()(person, SUGGESTIONS)
    if skus:
        use_personal_data(replace(use, suggestion=", ".join(skus)[:1_000]))
    return skus
