"""What the event table says about the hashes of records: in one statement for a whole poll."""

from __future__ import annotations

import pytest
from django.db import connection

from eventshop.eventstore.models import StoredEvent
from eventshop.messaging.kafka.record_verification import load_stored_hashes
from tests.support.database import count_round_trips
from tests.support.read_models import append
from tests.support.sales import Sale

pytestmark = pytest.mark.usefixtures("clean_database")


def test_each_event_has_its_own_hash_and_that_of_the_event_before_it() -> None:
    one, other = Sale(1), Sale(2)
    append(one.order_id, one.created)
    append(other.order_id, other.created)
    append(one.order_id, one.paid)
    first, second, third = StoredEvent.objects.order_by("position")
    stored = load_stored_hashes([first.position, second.position, third.position, third.position + 1])
    assert {position: (each.event_id, each.hash, each.previous) for position, each in stored.items()} == {
        first.position: (first.event_id, bytes(first.hash), None),
        second.position: (second.event_id, bytes(second.hash), None),
        third.position: (third.event_id, bytes(third.hash), bytes(first.hash)),
    }
    assert load_stored_hashes([]) == {}


@pytest.mark.postgres
def test_the_hashes_of_a_whole_poll_take_one_round_trip() -> None:
    sale = Sale(1)
    append(sale.order_id, sale.created)
    connection.ensure_connection()
    assert count_round_trips(lambda: load_stored_hashes(range(1, 1_001))) == 1
