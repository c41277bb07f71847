"""The categories of personal data that can be erased by themselves, and the purposes whose keys encrypt them."""

from __future__ import annotations

from typing import Final

from users.domain.events import Category
from users.domain.purposes import CONSENTABLE

#: The purposes of the keys of each category. All of `everything` is erased by the road of `RequestErasure`.
KEY_PURPOSES: Final[dict[Category, tuple[str, ...]]] = {
    "contact": ("contact",),
    "delivery": ("delivery",),
    "marketing": tuple(purpose.key for purpose in CONSENTABLE if purpose.key),
    "notes": ("notes", "returns"),
    "trading notes": ("trading-notes",),
}
#: Consents that end when marketing data is erased.
MARKETING_CONSENTS: Final = frozenset(purpose.term for purpose in CONSENTABLE)
