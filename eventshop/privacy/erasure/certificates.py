"""The certificate of an erasure: what is gone, what is kept and why, and that nothing else was found."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import msgspec
from django.utils import timezone
from msgspec import Struct

from eventshop.core.deterministic_ids import derived_id
from eventshop.privacy import retention
from eventshop.privacy.erasure import personal_data_holders
from eventshop.privacy.erasure.leftover_scan import Scan
from eventshop.privacy.models import Certificate, Erasure


class KeptData(Struct, frozen=True):
    """What an erasure leaves: under which duty, until when (None: for as long as the duty lasts)."""

    what: str
    duty: str
    until: date | None


class Body(Struct, frozen=True):
    """What a certificate says."""

    person: UUID
    destroyed_at: datetime
    purposes: list[str]  # whose keys were destroyed
    kept: list[KeptData]
    scan: Scan


def kept_for(person: UUID, on: date) -> list[KeptData]:
    """What an erasure on that day would leave of a person; shown before they decide."""
    about = {"account", *personal_data_holders.about(person)}
    return [KeptData(rule.what, rule.duty, rule.until(on)) for rule in retention.applying(about)]


def issue(erasure: Erasure, found: Scan) -> Certificate:
    """The certificate of an erasure whose scan found nothing; a replay replaces the body, not the number."""
    destroyed_at = erasure.destroyed_at or timezone.now()
    body = Body(
        person=erasure.subject,
        destroyed_at=destroyed_at,
        purposes=msgspec.json.decode(erasure.purposes, type=list[str]),
        kept=kept_for(erasure.subject, destroyed_at.date()),
        scan=found,
    )
    return Certificate.objects.update_or_create(
        certificate_id=derived_id("erasure-certificate", erasure.subject),
        defaults={
            "subject": erasure.subject,
            "issued_at": timezone.now(),
            "body": msgspec.json.encode(body).decode(),
        },
    )[0]


def read(certificate: Certificate) -> Body:
    return msgspec.json.decode(certificate.body, type=Body)
