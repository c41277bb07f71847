"""Outbox records are written with the change that they report, and cost the embedded mode nothing."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec
import pytest

from eventshop.core.errors import CheckpointMoved
from eventshop.eventstore.backends.protocol import backend
from eventshop.messaging.database_event_log import DatabaseEventLog
from eventshop.messaging.event_log import Delivery, UnreadableDelivery
from eventshop.messaging.kafka import event_records
from eventshop.messaging.serialization import avro_codec
from eventshop.projections import batch_processor, checkpoints, dead_letter_retry
from eventshop.projections.models import Checkpoint, OutboxRecord
from eventshop.projections.outbox import DEAD_LETTERS
from eventshop.projections.projection import Projection
from eventshop.projections.rebuild import rebuild
from eventshop.projections.targets import live_target
from projections.models import OrderSummary
from projections.order_summary import order_summary
from projections.product_sales import product_sales
from tests.support.failing_projection import Flaky, fail, register_temporarily
from tests.support.published_rows import matches_row
from tests.support.read_models import append, append_order_histories, catch_up, stored_rows
from tests.support.sales import Sale

pytestmark = pytest.mark.usefixtures("clean_database")

sale = Sale(1_000)


@pytest.fixture
def with_kafka(settings: Any) -> None:
    """As if there were brokers; nothing here speaks to them."""
    settings.KAFKA_OPTIONS = {"bootstrap_servers": ["nowhere:1"]}


@pytest.fixture
def flaky() -> Iterator[Flaky]:
    yield from register_temporarily(Flaky(order_summary))


def published_values(projection: Projection[Any]) -> dict[str, bytes | None]:
    """The last value of each key, None for a row that is gone."""
    rows = OutboxRecord.objects.filter(topic=projection.topic).order_by("position")
    return {row.key: None if row.value is None else bytes(row.value) for row in rows}


def dead_letter_records() -> list[tuple[str, bytes | None, dict[str, bytes]]]:
    return [
        (
            row.key,
            None if row.value is None else bytes(row.value),
            {name: value.encode("latin-1") for name, value in msgspec.json.decode(row.headers)},
        )
        for row in OutboxRecord.objects.filter(topic=DEAD_LETTERS).order_by("position")
    ]


def test_the_embedded_mode_writes_nothing_down(flaky: Flaky) -> None:
    append_order_histories(Random(1), range(20))
    flaky.spoils[sale.order_id, 1] = fail
    append(sale.order_id, sale.created)
    catch_up(order_summary, product_sales, flaky.projection)
    rebuild(product_sales, DatabaseEventLog(), requested_by="ada")
    assert not OutboxRecord.objects.exists()


@pytest.mark.postgres
@pytest.mark.usefixtures("with_kafka")
class TestWithKafka:
    def test_every_changed_row_goes_out_as_it_is_stored(self) -> None:
        append_order_histories(Random(1), range(50))
        catch_up(order_summary, product_sales)
        for projection in (order_summary, product_sales):
            rows = {str(key): row for key, row in stored_rows(projection).items()}
            published = published_values(projection)
            assert published.keys() == rows.keys()
            assert all(matches_row(published[key], row, projection.model) for key, row in rows.items())

    def test_a_batch_that_is_rolled_back_tells_nothing(self) -> None:
        append(sale.order_id, sale.created)
        target = live_target(order_summary)
        cached = checkpoints.open_checkpoints(target.name, [0], 1)
        delivered = DatabaseEventLog().open_reader("test").read(checkpoints.offsets_of(cached), 10)
        Checkpoint.objects.update(position=99)
        with pytest.raises(CheckpointMoved):
            batch_processor.process_batch(target, cached, delivered)
        assert not OutboxRecord.objects.exists()

    def test_a_rebuild_tells_of_the_rows_that_differ(self) -> None:
        append_order_histories(Random(1), range(30))
        catch_up(order_summary)
        OutboxRecord.objects.all().delete()
        wrong, missing, *_ = OrderSummary.objects.order_by("pk")
        OrderSummary.objects.filter(pk=wrong.pk).update(total=99, country="Atlantis")
        OrderSummary.objects.filter(pk=missing.pk).delete()
        stray = OrderSummary.objects.order_by("pk")[3]
        stray.pk = sale.order_id
        stray.save(force_insert=True)
        rebuild(order_summary, DatabaseEventLog(), requested_by="ada")
        published = published_values(order_summary)
        assert published.keys() == {str(wrong.pk), str(missing.pk), str(sale.order_id)}
        assert published[str(sale.order_id)] is None
        rows = stored_rows(order_summary)
        assert all(matches_row(published[str(row.pk)], rows[row.pk], OrderSummary) for row in (wrong, missing))

    def test_a_parked_event_is_copied_as_the_record_it_is(self, flaky: Flaky) -> None:
        flaky.spoils[sale.order_id, 1] = fail
        append(sale.order_id, sale.created, sale.paid)
        catch_up(flaky.projection)
        first, second = backend().select_events("ORDER BY position", ())
        (key, value, headers), (_, _, behind) = dead_letter_records()
        assert key == str(sale.order_id)
        assert value and avro_codec.encode_payload(first.event_type, first.schema_version, first.payload) in value
        assert headers["error"] == b"Broken: cannot digest this"
        assert (headers["attempts"], headers["projection"]) == (b"1", b"flaky")
        assert (headers["origin-topic"], headers["origin-partition"]) == (b"event-store", b"0")
        assert headers["origin-offset"] == b"%d" % (first.position - 1)
        assert headers["event-id"] == str(first.event_id).encode()
        assert headers["position"] == b"%d" % first.position
        assert event_records.decode_event(value, list(headers.items())) == first
        assert (behind["error"], behind["attempts"]) == (b"", b"0")
        assert behind["position"] == b"%d" % second.position

    def test_parked_events_that_drain_tell_of_their_rows(self, flaky: Flaky) -> None:
        flaky.spoils[sale.order_id, 1] = fail
        append(sale.order_id, sale.created, sale.paid)
        catch_up(flaky.projection)
        assert published_values(flaky.projection) == {}
        flaky.repair()
        dead_letter_retry.retry("flaky", sale.order_id)
        assert published_values(flaky.projection).keys() == {str(sale.order_id)}

    def test_a_rebuild_tells_of_what_it_sets_aside_anew(self, flaky: Flaky) -> None:
        flaky.spoils[sale.order_id, 1] = fail
        append(sale.order_id, sale.created)
        catch_up(flaky.projection)
        rebuild(flaky.projection, DatabaseEventLog(), requested_by="ada")
        assert len(dead_letter_records()) == 1
        other = Sale(2_000)
        append(other.order_id, other.created)
        catch_up(flaky.projection)
        flaky.repair()
        flaky.spoils[other.order_id, 1] = fail
        rebuild(flaky.projection, DatabaseEventLog(), requested_by="ada")
        assert [key for key, _, _ in dead_letter_records()] == [str(sale.order_id), str(other.order_id)]

    @pytest.mark.parametrize("value", [b"\xff\x00garbage", b"", None])
    def test_an_unreadable_record_is_copied_byte_for_byte(self, value: bytes | None) -> None:
        self._process_unreadable(value, [("colour", b"\xe9\x00"), ("error", b"a stranger's"), ("empty", b"")])
        [(key, copied, headers)] = dead_letter_records()
        assert (key, copied) == ("event-store/3/41", value)
        assert headers["colour"] == b"\xe9\x00"
        assert (headers["error"], headers["attempts"]) == (b"no event", b"1")
        assert (headers["origin-topic"], headers["origin-partition"], headers["origin-offset"]) == (
            b"event-store",
            b"3",
            b"41",
        )

    def test_what_is_too_large_for_kafka_is_cut_and_says_so(self) -> None:
        self._process_unreadable(b"x" * 1_048_000, [("long", b"y" * 200_000)])
        [(_, value, headers)] = dead_letter_records()
        assert value is not None and len(value) == 900_000
        assert headers["cut-from-bytes"] == b"1048000"
        assert "long" not in headers

    def _process_unreadable(self, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        target = live_target(order_summary)
        cached = checkpoints.open_checkpoints(target.name, [3], 1)
        deliveries: list[Delivery] = [UnreadableDelivery(42, 3, "event-store", None, value, headers, "no event")]
        batch_processor.process_batch(target, cached, deliveries)
