"""Purposes of processing, as terms of the W3C Data Privacy Vocabulary 2.2 (https://w3id.org/dpv).

Each purpose has one legal basis, an EU-GDPR term of the same vocabulary. Only purposes based on consent are optional.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from msgspec import Struct

from users.domain.errors import UnknownPurpose


class Basis(StrEnum):
    """Legal basis of processing: Art. 6(1) GDPR."""

    CONSENT = "A6-1-a"
    CONTRACT = "A6-1-b"
    LEGAL_OBLIGATION = "A6-1-c"
    LEGITIMATE_INTEREST = "A6-1-f"


class Purpose(Struct, frozen=True):
    """One purpose: its DPV term, the texts that people read, its legal basis, and how long a consent lasts.

    `key` is the purpose of the encryption key of what rests on the consent; it is destroyed when the consent ends. A
    purpose that the shop no longer pursues is not asked for; earlier consents stay readable, and can be taken back.
    """

    term: str
    label: str
    description: str
    basis: Basis
    duration: timedelta | None = None
    key: str = ""
    is_pursued: bool = True


PURPOSES: Final[dict[str, Purpose]] = {
    purpose.term: purpose
    for purpose in (
        Purpose(
            "DirectMarketing",
            "Offers by e-mail",
            "We send you news and offers to your e-mail address, at most twice a month.",
            Basis.CONSENT,
            timedelta(days=730),
            key="direct-marketing",
        ),
        Purpose(
            "Personalisation",
            "Suggestions that fit you",
            "We use what you bought to show you goods that may interest you.",
            Basis.CONSENT,
            timedelta(days=365),
            key="personalisation",
        ),
        Purpose(
            "ServiceUsageAnalytics",
            "Measuring how the shop is used",
            "We count which pages are used and how, to make the shop better.",
            Basis.CONSENT,
            timedelta(days=365),
            is_pursued=False,
        ),
        Purpose(
            "PersonalisedAdvertising",
            "Advertisements chosen for you",
            "We choose the advertisements that you see in the shop by what you looked at.",
            Basis.CONSENT,
            timedelta(days=365),
            is_pursued=False,
        ),
        Purpose(
            "AccountManagement",
            "Your account",
            "We keep your name and contact details so that you can sign in and we can reach you.",
            Basis.CONTRACT,
        ),
        Purpose(
            "CustomerOrderManagement",
            "Your orders",
            "We keep your orders to carry them out, and for returns and complaints.",
            Basis.CONTRACT,
        ),
        Purpose(
            "DeliveryOfGoods",
            "Delivery",
            "We give your name and address to the carrier who brings your parcel.",
            Basis.CONTRACT,
        ),
        Purpose(
            "PaymentManagement",
            "Payment",
            "We process your payments and refunds.",
            Basis.CONTRACT,
        ),
        Purpose(
            "LegalCompliance",
            "What the law requires",
            "We keep invoices and records for as long as tax and commercial law require, give you a copy of your data, "
            "and write to you about the security of your account.",
            Basis.LEGAL_OBLIGATION,
        ),
        Purpose(
            "FraudPreventionAndDetection",
            "Preventing fraud",
            "We look for signs of misuse to protect you, other customers and ourselves.",
            Basis.LEGITIMATE_INTEREST,
        ),
    )
}

#: The purposes that somebody may have consented to, also in an earlier release.
CONSENTABLE: Final = tuple(purpose for purpose in PURPOSES.values() if purpose.basis is Basis.CONSENT)
#: The purposes that the shop pursues, and those of them that need consent, in the order in which pages show them.
PURSUED: Final = tuple(purpose for purpose in PURPOSES.values() if purpose.is_pursued)
BY_CONSENT: Final = tuple(purpose for purpose in CONSENTABLE if purpose.is_pursued)


def get_purpose(term: str) -> Purpose:
    """Return the purpose of a DPV term; raises `UnknownPurpose`."""
    try:
        return PURPOSES[term]
    except KeyError:
        raise UnknownPurpose(purpose=repr(term), known="; ".join(PURPOSES)) from None


def consent_expiry(term: str, given_at: datetime) -> datetime | None:
    """When a consent that is given at a time expires; None for a purpose that needs no consent."""
    duration = get_purpose(term).duration
    return None if duration is None else given_at + duration
