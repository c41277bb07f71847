"""The certificate of an erasure: what was erased, what is kept and why, and that the scan found no leftovers."""

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
    """Data that is kept after an erasure: under which duty, and until when (None: for as long as the duty lasts)."""

    what: str
    duty: str
    until: date | None


class CertificateBody(Struct, frozen=True):
    """The content of a certificate."""

    person: UUID
    destroyed_at: datetime
    purposes: list[str]  # the purposes of the destroyed keys
    kept: list[KeptData]
    scan: ScanReport


def kept_data_of(person: UUID, on: date) -> list[KeptData]:
    """The data of a person that an erasure on that day would keep. It is shown before they decide."""
    about = {"account", *personal_data_holders.duty_subjects_of(person)}
    return [KeptData(rule.what, rule.duty, rule.until(on)) for rule in retention.rules_about(about)]


def issue_certificate(erasure: Erasure, report: ScanReport) -> Certificate:
    """Issue the certificate of an erasure without leftovers. A replay replaces its content but keeps its id."""
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
    """The content of a stored certificate."""
    return msgspec.json.decode(certificate.body, type=CertificateBody)
