"""Rows of sagas that are held up, for pages and the API."""

from __future__ import annotations

from django.utils import timezone

from eventshop.sagas import inbox
from eventshop.sagas.models import Saga
from tests.support.sales import Sale


def make_suspended_saga(number: int) -> Saga:
    """A fulfilment that was suspended because the gateway does not answer."""
    order, now = Sale(number).order_id, timezone.now()
    return Saga.objects.create(
        pk=order,
        kind="OrderFulfilment",
        version=1,
        subject_id=order,
        slot=inbox.partition_for(order),
        correlation_id=order,
        status=Saga.Status.SUSPENDED,
        error="charge: the gateway answered 500",
        state="{}",
        sequence_number=1,
        started_at=now,
        moved_at=now,
    )
