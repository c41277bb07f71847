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
#: What a person reads of each category.
DESCRIPTIONS: Final[dict[str, str]] = {
    "contact": "Your name, e-mail address, phone number, address and customer numbers; your account is closed",
    "delivery": "Your address book, and the names and addresses of your deliveries; once no order is open",
    "marketing": "What rests on your consents; they end",
    "notes": "What was written about your orders and returns, by you and by our staff",
    "trading notes": "The reasons that were written about your trades",
}
#: Consents that end when marketing data is erased.
MARKETING_CONSENTS: Final = frozenset(purpose.term for purpose in CONSENTABLE)
