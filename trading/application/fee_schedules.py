"""Which terms of fees a new trade gets: data with a time, kept by staff. The trade keeps what it got."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import F, Q

from trading.domain.events import Code, FeeTerms
from trading.models import FeeSchedule


def find_fee_terms(account_id: UUID, instrument: Code, at: datetime) -> FeeTerms | None:
    """The newest terms at a moment: those of the account before those of the instrument, before those of all.

    None where no terms are for this account and instrument: then only reported fees count.
    """
    rows = FeeSchedule.objects.filter(
        Q(account_id=account_id) | Q(account_id=None), instrument__in=(instrument, ""), valid_from__lte=at
    )
    row = rows.order_by(F("account_id").desc(nulls_last=True), "-instrument", "-valid_from", "-id").first()
    return row.to_terms() if row else None
