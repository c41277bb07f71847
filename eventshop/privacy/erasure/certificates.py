"""The certificate of an erasure: what was erased, what stays and why, what the scan found and what became of it."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from django.utils import timezone
from msgspec import Struct

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.message_registry import registry
from eventshop.core.text_classification import clear_texts
from eventshop.privacy import retention
from eventshop.privacy.erasure import personal_data_holders
from eventshop.privacy.erasure.leftover_scan import Leftover, ScanReport
from eventshop.privacy.erasure.personal_data_locator import events_about
from eventshop.privacy.models import Certificate, Erasure, ErasureFinding


class KeptData(Struct, frozen=True):
    """Data that is kept after an erasure: under which duty, and until when (None: for as long as the duty lasts)."""

    what: str
    duty: str
    until: date | None


class ClearField(Struct, frozen=True):
    """A text of an event type that stays in clear in events about the person: why, and in how many of them."""

    event_type: str
    field: str
    why: str
    events: int


class ResolvedFinding(Struct, frozen=True):
    """What the scan found in a place: in how many rows or records, and what became of them, with the reason."""

    place: str
    state: str
    reason: str
    count: int


class CertificateBody(Struct, frozen=True):
    """The content of a certificate."""

    person: UUID
    destroyed_at: datetime
    purposes: list[str]  # the purposes of the destroyed keys
    kept: list[KeptData]
    scan: ScanReport
    clear_fields: list[ClearField] = []  # these two are missing in certificates of earlier releases
    findings: list[ResolvedFinding] = []


def kept_data_of(person: UUID, on: date) -> list[KeptData]:
    """The data of a person that an erasure on that day would keep. It is shown before they decide."""
    about = {"account", *personal_data_holders.duty_subjects_of(person)}
    return [KeptData(rule.what, rule.duty, rule.until(on)) for rule in retention.rules_about(about)]


def issue_certificate(erasure: Erasure, report: ScanReport) -> Certificate:
    """Issue the certificate of an erasure. A replay or a later scan replaces its content but keeps its id."""
    destroyed_at = erasure.destroyed_at or timezone.now()
    body = CertificateBody(
        person=erasure.subject,
        destroyed_at=destroyed_at,
        purposes=msgspec.json.decode(erasure.purposes, type=list[str]),
        kept=kept_data_of(erasure.subject, destroyed_at.date()),
        scan=ScanReport(report.looked_at, [Leftover(hit.where, hit.count) for hit in report.hits]),
        clear_fields=clear_fields_of(erasure.subject),
        findings=_findings_of(erasure.subject),
    )
    return Certificate.objects.update_or_create(
        certificate_id=derive_id("erasure-certificate", erasure.subject),
        defaults={
            "subject": erasure.subject,
            "issued_at": timezone.now(),
            "body": msgspec.json.encode(body).decode(),
        },
    )[0]


def clear_fields_of(person: UUID) -> list[ClearField]:
    """The texts that stand in clear in the events about a person, by type of event."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for row in events_about(person):
        reader = registry.reader_for(row.event_type, row.schema_version)
        values = msgspec.json.decode(row.payload, type=dict[str, Any])
        names = dict(clear_texts(reader.event_class))
        for field in reader.personal_fields:
            if row.schema_version < field.since:
                names[field.name] = "stored by a release that did not encrypt it"
        counts.update((reader.event_type, name, why) for name, why in names.items() if values.get(name.split(".")[0]))
    return [ClearField(*key, count) for key, count in sorted(counts.items())]


def _findings_of(person: UUID) -> list[ResolvedFinding]:
    rows = ErasureFinding.objects.filter(subject=person).values_list("place", "state", "reason")
    return [ResolvedFinding(*key, count) for key, count in sorted(Counter(rows).items())]


def read_certificate(certificate: Certificate) -> CertificateBody:
    """The content of a stored certificate."""
    return msgspec.json.decode(certificate.body, type=CertificateBody)
