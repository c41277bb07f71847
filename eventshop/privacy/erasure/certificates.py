"""The certificate of an erasure: what is gone, what is kept and why, and that nothing else was found."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import msgspec
from django.utils import timezone
from msgspec import Struct

from eventshop.core.deterministic_ids import derive_id
from eventshop.privacy import retention
from eventshop.privacy.erasure import personal_data_holders
from eventshop.privacy.erasure.leftover_scan import ScanReport
from eventshop.privacy.models import Certificate, Erasure


class KeptData(Struct, frozen=True):
    """What an erasure leaves: under which duty, until when (None: for as long as the duty lasts)."""

    what: str
    duty: str
    until: date | None


class CertificateBody(Struct, frozen=True):
    """What a certificate says."""

    person: UUID
    destroyed_at: datetime
    purposes: list[str]  # whose keys were destroyed
    kept: list[KeptData]
    scan: ScanReport


def kept_data_of(person: UUID, on: date) -> list[KeptData]:
    """What an erasure on that day would leave of a person; shown before they decide."""
    about = {"account", *personal_data_holders.duty_subjects_of(person)}
    return [KeptData(rule.what, rule.duty, rule.until(on)) for rule in retention.rules_about(about)]


def issue_certificate(erasure: Erasure, report: ScanReport) -> Certificate:
    """The certificate of an erasure whose scan found nothing; a replay replaces the body, not the number."""
    destroyed_at = erasure.destroyed_at or timezone.now()
    body = CertificateBody(
        person=erasure.subject,
        destroyed_at=destroyed_at,
        purposes=msgspec.json.decode(erasure.purposes, type=list[str]),
        kept=kept_data_of(erasure.subject, destroyed_at.date()),
        scan=report,
    )
    return Certificate.objects.update_or_create(
        certificate_id=derive_id("erasure-certificate", erasure.subject),
        defaults={
            "subject": erasure.subject,
            "issued_at": timezone.now(),
            "body": msgspec.json.encode(body).decode(),
        },
    )[0]


def read_certificate(certificate: Certificate) -> CertificateBody:
    return msgspec.json.decode(certificate.body, type=CertificateBody)
