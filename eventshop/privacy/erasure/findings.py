"""What the scan of an erasure found, and how staff resolve it.

Somebody's text may name a person whom the program does not know to be meant. It cannot hold up their erasure: the keys
are gone, the certificate names the place, and staff resolve what was found. They seal it, which destroys the key of the
text's stream, or keep it with a reason; what a later scan no longer finds is gone.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from eventshop.core.errors import EventShopError
from eventshop.core.message_registry import registry
from eventshop.privacy.encryption import personal_keys
from eventshop.privacy.erasure import personal_data_holders
from eventshop.privacy.erasure.leftover_scan import ScanReport
from eventshop.privacy.models import ErasureFinding

State = ErasureFinding.State


class NothingToSeal(EventShopError):
    """This finding belongs to no stream with a text of its own: remove it where it is, or keep it with a reason."""

    code = "nothing-to-seal"


class ReasonMissing(EventShopError):
    """What is kept needs a reason of 1 to 500 characters."""

    code = "reason-missing"


def record_findings(person: UUID, report: ScanReport) -> None:
    """Store what a scan found as open findings. What was kept stays so; what is no longer found is gone."""
    found = {(hit.where, item.item): item.owner for hit in report.hits for item in hit.items}
    for hit in report.hits:
        if unnamed := hit.count - len(hit.items):
            found[hit.where, f"{unnamed} more"] = None
    known = {(row.place, row.item): row for row in ErasureFinding.objects.filter(subject=person)}
    for key, row in known.items():
        if key not in found and row.state == State.OPEN:
            _update([row], State.GONE, by="scan")
        elif key in found and row.state in (State.GONE, State.SEALED):
            _update([row], State.OPEN, by="")
    ErasureFinding.objects.bulk_create(
        ErasureFinding(subject=person, place=place, item=item[:400], owner=owner)
        for (place, item), owner in found.items()
        if (place, item) not in known
    )


def open_findings(person: UUID) -> QuerySet[ErasureFinding]:
    return ErasureFinding.objects.filter(subject=person, state=State.OPEN).order_by("pk")


def keep(findings: Collection[ErasureFinding], *, reason: str, by: str) -> None:
    """Leave what was found where it is. Raises `ReasonMissing`."""
    if not 0 < len(reason.strip()) <= 500:
        raise ReasonMissing
    _update(findings, State.KEPT, by=by, reason=reason.strip())


def seal(findings: Collection[ErasureFinding], *, by: str) -> None:
    """Destroy the keys of the free texts in the streams of these findings, and empty the rows that copied them.

    Raises `NothingToSeal`, and changes nothing, if one of them names no stream.
    """
    owners = {finding.owner for finding in findings if finding.owner}
    if any(finding.owner is None for finding in findings):
        raise NothingToSeal
    personal_keys.replace_keys(owners, free_text_purposes())
    personal_data_holders.erase_purposes(owners, free_text_purposes())
    _update(findings, State.SEALED, by=by)


@cache
def free_text_purposes() -> frozenset[str]:
    """The purposes whose keys encrypt free texts and nothing else."""
    fields = [field for event in registry.events.values() for field in registry.personal_fields_of(event)]
    return frozenset(field.purpose for field in fields) - {field.purpose for field in fields if not field.free_text}


def _update(findings: Collection[ErasureFinding], state: State, *, by: str, reason: str = "") -> None:
    ErasureFinding.objects.filter(pk__in=[finding.pk for finding in findings]).update(
        state=state, resolved_by=by[:200], resolved_at=timezone.now() if state != State.OPEN else None, reason=reason
    )
