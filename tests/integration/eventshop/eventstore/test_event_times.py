"""Times of recording never go backwards within a stream, whatever the clocks; `as_of` gives a beginning."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from eventshop.core.messages import Envelope, Event, new_id
from eventshop.eventstore import command_dispatcher, temporal_queries
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.event_append import AppendRequest, StreamHead, utc_now
from eventshop.eventstore.event_store import EventStore, store
from eventshop.eventstore.snapshots.repository import take_snapshot
from eventshop.projections.historical_queries import rows_as_of
from orders.domain.commands import ReceiveStock
from orders.domain.events import StockReceived
from orders.domain.stock_item import stock_item_id
from projections.order_summary import order_summary
from tests.conftest import missing
from tests.support.api_clients import ApiClient, staff
from tests.support.in_memory_gateway import InMemoryGateway
from tests.support.order_fulfilment import place_order, run_sagas_until_idle
from tests.support.processes import ROOT
from tests.support.sales import Sale
from tests.support.tally_aggregate import Count, Counted, Opened, Tally, pounds, tallies
from tests.support.waiting import DEADLINE_S

pytestmark = pytest.mark.usefixtures("clean_database")

tally_store = EventStore(tallies)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


def write_at(
    stream: UUID, event: Event, recorded_at: datetime, head: StreamHead, kind: str, registry: Any
) -> StreamHead:
    """Append an event as a server whose clock shows `recorded_at` did before this rule."""
    append = AppendRequest(stream, kind, head, Envelope(new_id()), "append", b"", recorded_at)
    [row] = append.encode_rows([event], registry)
    backend().append_command([row], append.receipt_row([row]), head.hash)
    return StreamHead.after(row)


def write_tally(*times: datetime) -> UUID:
    """A tally with one event recorded at each of these times."""
    stream, head = new_id(), StreamHead()
    for number, time in enumerate(times):
        event = Counted(tally_id=stream, amount=pounds("1")) if number else Opened(tally_id=stream, name="till")
        head = write_at(stream, event, time, head, "Tally", tallies)
    return stream


def recorded_times(stream: UUID) -> list[datetime]:
    return [row.recorded_at for row in store.read_rows(stream)]


def assert_in_order(times: Sequence[datetime]) -> None:
    assert list(times) == sorted(times)


def send_count(stream: UUID) -> None:
    command_dispatcher.send(Count(tally_id=stream, amount=pounds("1")), registry=tallies)


def send_batch(stream: UUID) -> None:
    batch = [(Count(tally_id=stream, amount=pounds("1"), times=2), Envelope(new_id())) for _ in range(2)]
    command_dispatcher.send_many(batch, registry=tallies)


def append_event(stream: UUID) -> None:
    version = len(recorded_times(stream))
    tally_store.append_event(stream, Counted(tally_id=stream, amount=pounds("1")), expected_version=version)


@pytest.mark.parametrize("write", [send_count, send_batch, append_event])
@pytest.mark.parametrize("remembered", [0, 1_000])
@pytest.mark.parametrize("snapshot", [False, True])
def test_a_server_whose_clock_is_behind_records_the_time_of_the_last_event(
    write: Callable[[UUID], None], remembered: int, snapshot: bool, settings: Any
) -> None:
    settings.AGGREGATES_IN_MEMORY = remembered
    settings.SNAPSHOT_EVERY = {"": 1}
    ahead = utc_now() + HOUR
    stream = write_tally(ahead - SECOND, ahead)
    if snapshot:
        assert take_snapshot(stream, tallies)
    for _ in range(3):  # loaded first, cached then
        write(stream)
    times = recorded_times(stream)
    assert len(times) >= 5
    assert times[2:] == [ahead] * (len(times) - 2)
    receipts = backend().load_receipts([row.command_id for row in store.read_rows(stream, after=2)])
    assert {receipt.recorded_at for receipt in receipts} == {ahead}


def test_a_server_whose_clock_is_right_records_its_own_time() -> None:
    before = utc_now()
    stream = write_tally(before - HOUR)
    send_count(stream)
    assert before <= recorded_times(stream)[-1] <= utc_now()


def test_what_sagas_append_is_recorded_no_earlier_than_what_it_follows() -> None:
    ahead, stream = utc_now() + HOUR, stock_item_id("mug")
    write_at(stream, StockReceived("mug", 5, "delivery"), ahead, StreamHead(), "StockItem", store.registry)
    order_id = place_order(("mug", 2), method="card")
    run_sagas_until_idle(InMemoryGateway())
    times = recorded_times(stream)
    assert len(times) > 1
    assert set(times) == {ahead}
    assert_in_order(recorded_times(order_id))


#: Receives a product three times at the time of the clock of its process.
RECEIVE = """
import django; django.setup()
from eventshop.eventstore.command_dispatcher import send
from orders.domain.commands import ReceiveStock
for number in range(3): send(ReceiveStock("LANTERN", 1, f"delivery {number}"))
"""


@pytest.mark.parametrize("offset", ["-2h", "+2h"])
def test_processes_whose_clocks_differ_by_hours_write_one_stream_in_order(database_url: str, offset: str) -> None:
    if shutil.which("faketime") is None:
        missing("faketime is not installed")
    stream = stock_item_id("LANTERN")
    command_dispatcher.send(ReceiveStock("LANTERN", 1, "first delivery"))
    for clock in (offset, "+0h", offset):
        subprocess.run(
            ["faketime", "-f", clock, sys.executable, "-c", RECEIVE],
            cwd=ROOT,
            env=os.environ | {"DATABASE_URL": database_url},
            timeout=DEADLINE_S,
            check=True,
        )
    command_dispatcher.send_many([(ReceiveStock("LANTERN", 1, "last"), Envelope(new_id())) for _ in range(2)])
    times = recorded_times(stream)
    assert len(times) == 12
    assert_in_order(times)
    for time in times:
        versions = [event.meta.version for event in store.get_events(stream, as_of=time)]
        assert versions == list(range(1, len(versions) + 1))


# --- streams of earlier releases, with times that go backwards ---------------------------------------------------

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_as_of_gives_the_beginning_of_a_stream_with_times_that_go_backwards() -> None:
    stream = write_tally(NOON, NOON + 5 * SECOND, NOON + 3 * SECOND, NOON + 9 * SECOND)

    def versions(as_of: datetime, **limits: int) -> list[int]:
        return [event.meta.version for event in tally_store.get_event_stream(stream, as_of=as_of, **limits)]

    assert versions(NOON - SECOND) == []
    assert versions(NOON + 4 * SECOND) == [1]
    assert versions(NOON + 4 * SECOND, after=1) == versions(NOON + 4 * SECOND, after=2) == []
    assert versions(NOON + 5 * SECOND) == [1, 2, 3]
    assert versions(NOON + 5 * SECOND, to_version=2) == [1, 2]
    assert versions(NOON + 9 * SECOND) == [1, 2, 3, 4]
    assert temporal_queries.load_as_of(stream, NOON + 4 * SECOND, registry=tallies).version == 1
    assert temporal_queries.load_as_of(stream, NOON + 5 * SECOND, registry=tallies).state == Tally(
        "till", pounds("2").amount
    )


def test_a_read_model_as_of_a_time_folds_the_beginnings_of_streams() -> None:
    sale = Sale(1)
    head = StreamHead()
    for event, time in ((sale.created, NOON), (sale.paid, NOON + 5 * SECOND), (sale.shipped, NOON + 3 * SECOND)):
        head = write_at(sale.order_id, event, time, head, "Order", store.registry)
    assert temporal_queries.versions_recorded_late(NOON + 4 * SECOND) == {sale.order_id: 2}
    assert temporal_queries.versions_recorded_late(NOON + 5 * SECOND) == {}
    statuses = [rows_as_of(order_summary, NOON + seconds * SECOND)[sale.order_id].status for seconds in (0, 4, 5)]
    assert statuses == ["CREATED", "CREATED", "SHIPPED"]


def test_the_api_compares_versions_as_of_a_time() -> None:
    sale, head = Sale(1), StreamHead()
    for event, time in ((sale.created, NOON), (sale.paid, NOON + 5 * SECOND), (sale.shipped, NOON + 3 * SECOND)):
        head = write_at(sale.order_id, event, time, head, "Order", store.registry)
    staff_client = ApiClient(staff("reader", "view_storedevent"))
    moment = (NOON + 4 * SECOND).isoformat().replace("+00:00", "Z")
    diff = staff_client.get(f"streams/{sale.order_id}/diff?as_of={moment}").json()
    assert (diff["from_version"], diff["to_version"]) == (0, 1)
    diff = staff_client.get(f"streams/{sale.order_id}/diff?since={moment}").json()
    assert (diff["from_version"], diff["to_version"]) == (1, 3)
    events = staff_client.get(f"streams/{sale.order_id}/events?as_of={moment}").json()
    assert [event["version"] for event in events["results"]] == [1]
