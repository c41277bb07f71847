"""Which terms of fees a new trade gets: data with a time, kept by staff. The trade keeps what it got."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from eventshop.eventstore.event_store import store
from eventshop.runtime.advisory_locks import take_locks
from trading.application.instruments import find_listing
from trading.domain.errors import AccountNotOpen
from trading.domain.events import Code, FeeTerms
from trading.models import FeeSchedule

_LOCK_NAMESPACE: Final = 0xFEE5


class ScheduleKey(NamedTuple):
    """For what terms are, and from when on: None and an empty code stand for all others."""

    account_id: UUID | None
    instrument: str
    valid_from: datetime

    def __str__(self) -> str:
        account = f"account {self.account_id}" if self.account_id else "all accounts"
        return f"{account}, {self.instrument or 'all instruments'}, from {self.valid_from.isoformat()}"


def find_fee_terms(account_id: UUID, instrument: Code, at: datetime) -> FeeTerms | None:
    """The newest terms at a moment: those of the account before those of the instrument, before those of all.

    None where no terms are for this account and instrument: then only reported fees count.
    """
    rows = FeeSchedule.objects.filter(
        Q(account_id=account_id) | Q(account_id=None), instrument__in=(instrument, ""), valid_from__lte=at
    )
    row = rows.order_by(F("account_id").desc(nulls_last=True), "-instrument", "-valid_from", "-id").first()
    return row.to_terms() if row else None


def check_scope(account_id: UUID | None, instrument: str) -> None:
    """Raise `AccountNotOpen` or `UnknownInstrument`: terms for a slip of the pen would never count."""
    if account_id is not None and not store.get_events(account_id, to_version=1):
        raise AccountNotOpen(account=account_id)
    if instrument:
        find_listing(instrument)


def add_schedules(
    schedules: Mapping[ScheduleKey, FeeTerms], *, actor: str, dry: bool = False
) -> tuple[int, dict[ScheduleKey, FeeTerms]]:
    """Add terms, all or none; returns how many are new, and the stored ones that differ: then none is added.

    With `dry`, none is added in any case. The caller has checked their scopes.
    """
    with transaction.atomic():
        take_locks(_LOCK_NAMESPACE, [0])  # two imports of one file add each row once
        stored = _stored_terms(schedules)
        others = {key: stored[key] for key, terms in schedules.items() if stored.get(key, terms) != terms}
        new = [
            FeeSchedule(
                **key._asdict(),
                rate=terms.rate,
                per_piece=terms.per_piece,
                minimum=terms.minimum,
                recorded_by=actor,
            )
            for key, terms in schedules.items()
            if key not in stored
        ]
        if not (dry or others):
            FeeSchedule.objects.bulk_create(new, batch_size=1_000)
    return len(new), others


def _stored_terms(keys: Iterable[ScheduleKey]) -> dict[ScheduleKey, FeeTerms]:
    """The newest stored terms of these keys."""
    times = [key.valid_from for key in keys]
    if not times:
        return {}
    rows = FeeSchedule.objects.filter(valid_from__range=(min(times), max(times))).order_by("id")
    stored = {ScheduleKey(row.account_id, row.instrument, row.valid_from): row.to_terms() for row in rows}
    return {key: stored[key] for key in keys if key in stored}
