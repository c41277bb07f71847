"""Who is on a legal hold, among many people."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from eventshop.eventstore.models import StoredEvent
from users.application.customer_adapter import load_person


def people_on_hold(people: Collection[UUID]) -> set[UUID]:
    """Those with a legal hold now. One statement, and one more for each person who ever had a hold."""
    placed = StoredEvent.objects.filter(aggregate_id__in=people, event_type="LegalHoldPlaced").order_by()
    return {
        person for person in placed.values_list("aggregate_id", flat=True).distinct() if load_person(person).state.holds
    }
