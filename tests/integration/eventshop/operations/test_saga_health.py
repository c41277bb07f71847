"""The sagas are well only while events reach them and their messages are processed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from eventshop.core.messages import new_id
from eventshop.eventstore.models import StoredEvent
from eventshop.operations.saga_health import check_sagas, measure_saga_health
from eventshop.sagas.models import InboxMessage, PartitionLease
from tests.support.order_fulfilment import receive_stock

pytestmark = pytest.mark.usefixtures("clean_database")

LONG_AGO = timedelta(minutes=5)


def test_an_event_that_is_not_routed_for_long_is_reported() -> None:
    receive_stock("a", 1)
    later = timezone.now() + LONG_AGO
    assert measure_saga_health(now=later).unprocessed_since is None  # no worker has run sagas yet
    lease = PartitionLease.objects.create(name="database", number=0)
    event = StoredEvent.objects.get()
    assert measure_saga_health(now=later).unprocessed_since == event.recorded_at
    lease.position = event.position
    lease.save()
    assert measure_saga_health(now=later).unprocessed_since is None


def test_a_message_that_is_not_processed_for_long_is_reported() -> None:
    heard_at = timezone.now() - LONG_AGO
    InboxMessage.objects.create(saga_id=new_id(), slot=0, what="event", name="e", cause_id=new_id(), heard_at=heard_at)
    assert measure_saga_health().unprocessed_since == heard_at
    assert not check_sagas().ok
