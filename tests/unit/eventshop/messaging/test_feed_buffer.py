"""The feed's buffer: whatever was delivered and discarded, a reader gets exactly what follows its offset."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from eventshop.eventstore.records import EventRow
from eventshop.messaging.event_log import DeliveredEvent, Delivery, LogOffset, UnreadableDelivery
from eventshop.messaging.feed_buffer import FeedBuffer

NOBODY = UUID(int=0)
MOMENT = datetime(2026, 11, 29, tzinfo=UTC)


def event(offset: int, sequence: int) -> DeliveredEvent:
    row = EventRow(
        *(NOBODY, NOBODY, "Order", "OrderCreated", 1, 1, MOMENT, MOMENT, NOBODY, None, None, 1, NOBODY),
        *("nobody", "{}", "{}", b"", sequence),
    )
    return DeliveredEvent(offset, row, 0, sequence)


@st.composite
def partitions(draw: st.DrawFn) -> list[Delivery]:
    """Records with markers between them, some unreadable, some after a hole that was filled from the table."""
    deliveries: list[Delivery] = []
    offset = sequence = 0
    for kind in draw(st.lists(st.sampled_from(("event", "unreadable", "hole")), max_size=12)):
        offset += draw(st.integers(0, 2))
        if kind == "unreadable":
            deliveries.append(UnreadableDelivery(offset + 1, 0, "t", None, b"?", (), "?"))
        else:
            before = deliveries[-1].offset if deliveries else 0
            for _ in range(draw(st.integers(1, 3)) if kind == "hole" else 0):
                sequence += 1
                deliveries.append(event(before, sequence))
            sequence += 1
            deliveries.append(event(offset + 1, sequence))
        offset += 1
    return deliveries


def offsets(deliveries: list[Delivery]) -> list[LogOffset]:
    """The offset of a reader before each delivery, and behind the last one."""
    reached = [LogOffset(0)]
    for delivery in deliveries:
        reached.append(reached[-1].after(delivery))
    return reached


@given(partitions(), st.data())
def test_a_reader_gets_exactly_what_follows_its_offset(deliveries: list[Delivery], data: st.DataObject) -> None:
    reached = offsets(deliveries)
    start = data.draw(st.integers(0, len(deliveries)))
    buffer = FeedBuffer(reached[start])
    for delivery in deliveries[start:]:
        buffer.append(delivery)
    kept = data.draw(st.integers(start, len(deliveries)))
    buffer.discard_before(buffer.first + kept - start)
    assert (buffer.start, buffer.end, len(buffer)) == (reached[kept], reached[-1], len(deliveries) - kept)
    for number, offset in enumerate(reached):
        if number < kept:
            assert buffer.is_before(offset)
            continue
        assert not buffer.is_before(offset)
        limit = data.draw(st.integers(0, 5))
        before, read, after = buffer.read_after(offset, limit)
        assert list(read) == deliveries[number : number + limit]
        assert (before, after) == (number - start, number - start + len(read))


@given(partitions())
def test_an_event_whose_number_was_read_is_not_read_again(deliveries: list[Delivery]) -> None:
    """A topic that was made anew has lower offsets and the same numbers."""
    buffer = FeedBuffer(LogOffset(0))
    for delivery in deliveries:
        buffer.append(delivery)
    passed = max((item.sequence for item in deliveries if isinstance(item, DeliveredEvent)), default=0) // 2
    read: list[Delivery] = []
    offset = LogOffset(0, passed)
    while part := buffer.read_after(offset, 2)[1]:
        read += part
        offset = offset.after(part[-1])._replace(sequence=max(passed, offset.after(part[-1]).sequence))
    expected = [item for item in deliveries if isinstance(item, UnreadableDelivery) or item.sequence > passed]
    assert read == expected
    assert buffer.characters == sum(len("{}") if isinstance(item, DeliveredEvent) else 1 for item in deliveries)
