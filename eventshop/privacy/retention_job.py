"""Carries out the retention rules: erases what no duty keeps any more, in small batches, and certifies each run.

A run can be repeated, or killed: what is erased is erased once more or skipped. What a legal hold keeps is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256
from itertools import islice
from time import monotonic
from typing import Final, NamedTuple
from uuid import UUID

from django.utils import timezone

from eventshop.core.messages import new_id
from eventshop.privacy.erasure import personal_data_holders
from eventshop.privacy.erasure.personal_data_holders import ExpiredItem, PersonalDataHolder
from eventshop.privacy.models import ExpiredRecord, RetentionRun
from eventshop.privacy.retention import RetentionRule, load_rules

#: Items that are erased together.
BATCH: Final = 100
#: How long a run may take for one rule: the rest is left to the next day.
RUN_LIMIT: Final = timedelta(minutes=2)
#: Items that a preview counts at the most.
PREVIEW_LIMIT: Final = 1_000


class DueErasures(NamedTuple):
    """What one rule would erase: how many (at least, unless `is_complete`), how many are held, and the oldest."""

    rule: RetentionRule
    ended_before: datetime
    due: int
    held: int
    is_complete: bool
    oldest: list[ExpiredItem]


def preview(*, now: datetime | None = None, limit: int = PREVIEW_LIMIT) -> list[DueErasures]:
    """What a run would erase now, or at another time; changes nothing."""
    return [_preview(rule, holder, before, limit) for rule, holder, before in _duties(now or timezone.now())]


def carry_out_retention(*, now: datetime | None = None) -> list[RetentionRun]:
    """Erase what is due under each rule; gives the certificates of the rules under which something was due."""
    runs = [_carry_out(rule, holder, before) for rule, holder, before in _duties(now or timezone.now())]
    return [run for run in runs if run.erased or run.held]


def report_run() -> str:
    """Carry out the rules, as a periodic job; returns what was done, for staff."""
    runs = carry_out_retention()
    return "; ".join(f"{run.about}: {run.erased:,} erased, {run.held:,} held" for run in runs) or "nothing was due"


def _duties(now: datetime) -> Iterator[tuple[RetentionRule, PersonalDataHolder, datetime]]:
    """The rules that end, with who holds what they are about, and the time before which things must have ended."""
    for rule in load_rules():
        holder, day = personal_data_holders.holder_of(rule.about), rule.expired_before(now.date())
        if holder and holder.find_expired and holder.erase_expired and day:
            yield rule, holder, datetime.combine(day, time(), UTC)


def _preview(rule: RetentionRule, holder: PersonalDataHolder, before: datetime, limit: int) -> DueErasures:
    items = list(islice(_due_items(holder, before), limit + 1))
    shown = items[:limit]
    due = [item for item in shown if not item.held]
    return DueErasures(rule, before, len(due), len(shown) - len(due), len(items) <= limit, shown[:10])


def _carry_out(rule: RetentionRule, holder: PersonalDataHolder, before: datetime) -> RetentionRun:
    run = RetentionRun(
        run_id=new_id(),
        about=rule.about,
        what=rule.what,
        duty=rule.duty,
        years=rule.years,
        ended_before=before,
        began_at=timezone.now(),
    )
    deadline, items, subjects = monotonic() + RUN_LIMIT.total_seconds(), _due_items(holder, before), set[UUID]()
    while monotonic() < deadline and (batch := list(islice(items, BATCH))):
        due = [item for item in batch if not item.held]
        run.held += len(batch) - len(due)
        if due:
            _erase(run, holder, due)
            subjects.update(item.subject for item in due)
    if run.erased or run.held:
        run.finished_at = timezone.now()
        run.digest = sha256("".join(f"{subject}\n" for subject in sorted(subjects)).encode()).hexdigest()
        run.save()
    return run


def _erase(run: RetentionRun, holder: PersonalDataHolder, due: list[ExpiredItem]) -> None:
    """Erase first and record then: after a crash between the two, it is erased once more."""
    if holder.erase_expired:
        holder.erase_expired([item.subject for item in due])
    run.erased += len(due)
    run.save()
    records = [ExpiredRecord(subject=item.subject, run=run, ended_at=item.ended_at) for item in due]
    ExpiredRecord.objects.bulk_create(
        records, update_conflicts=True, update_fields=["run", "ended_at"], unique_fields=["subject"]
    )


def _due_items(holder: PersonalDataHolder, before: datetime) -> Iterator[ExpiredItem]:
    """What is due and was not erased since its newest event."""
    found = holder.find_expired(before) if holder.find_expired else iter(())
    while batch := list(islice(found, BATCH)):
        records = ExpiredRecord.objects.filter(subject__in=[item.subject for item in batch])
        erased = dict(records.values_list("subject", "ended_at"))
        yield from (item for item in batch if item.subject not in erased or erased[item.subject] < item.ended_at)
