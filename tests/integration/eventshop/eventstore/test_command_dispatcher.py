"""Sending commands: decided once, answered for ever, refused without a trace; on the database that is switched on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from django.db import connections, transaction

from eventshop.core.errors import (
    CommandIdReused,
    EventTooLarge,
    InvalidMessage,
    InvalidMoney,
    UnknownName,
    WrongExpectedVersion,
)
from eventshop.core.messages import Command, Envelope, new_id
from eventshop.eventstore import aggregate_cache, command_dispatcher
from eventshop.eventstore.command_receipts import Receipt
from eventshop.eventstore.event_store import EventStore
from eventshop.eventstore.hash_chain.chain import find_first_broken
from eventshop.eventstore.models import StoredEvent, StoredReceipt
from tests.support.database import count_round_trips, empty_tables
from tests.support.tally_aggregate import (
    NOON,
    Close,
    Closed,
    Count,
    Counted,
    Noted,
    Open,
    Opened,
    Tally,
    TallyClosed,
    pounds,
    tallies,
)
from tests.support.waiting import DEADLINE_S

pytestmark = pytest.mark.usefixtures("clean_database")

store = EventStore(tallies)


def send(command: Command, envelope: Envelope | None = None, expected_version: int | None = None) -> Receipt:
    return command_dispatcher.send(command, envelope=envelope, expected_version=expected_version, registry=tallies)


@pytest.fixture
def tally() -> UUID:
    tally_id = new_id()
    send(Open(tally_id=tally_id, name="till"))
    return tally_id


def assert_nothing_written(act: Callable[[], object]) -> None:
    before = StoredEvent.objects.count(), StoredReceipt.objects.count()
    act()
    assert (StoredEvent.objects.count(), StoredReceipt.objects.count()) == before


def test_an_accepted_command_becomes_events_with_everything_known_beside_them(tally: UUID) -> None:
    envelope = Envelope(
        new_id(),
        "ada",
        NOON,
        new_id(),
        new_id(),
        new_id(),
        41,
        {"traceparent": "00-ab-cd-01", "note": "Grüße"},
    )
    receipt = send(Count(tally_id=tally, amount=pounds("1.50"), times=2), envelope)
    assert (receipt.version, receipt.events, receipt.replayed) == (3, 2, False)
    first, second = (item.meta for item in store.events_of_command(envelope.command_id))
    assert (first.version, second.version) == (2, 3)
    assert (first.sequence_number, second.sequence_number) == (42, 43)
    assert first.position < second.position == receipt.position
    for meta in (first, second):
        assert (meta.actor, meta.occurred_at, meta.command_id) == ("ada", NOON, envelope.command_id)
        assert (meta.correlation_id, meta.causation_id, meta.saga_id) == (
            envelope.correlation_id,
            envelope.causation_id,
            envelope.saga_id,
        )
        assert meta.metadata == envelope.metadata


def test_the_same_command_again_gives_the_first_answer_again(tally: UUID) -> None:
    envelope = Envelope(new_id())
    first = send(Count(tally_id=tally, amount=pounds("1")), envelope)
    send(Count(tally_id=tally, amount=pounds("2")))
    again = send(Count(tally_id=tally, amount=pounds("1")), envelope)
    assert again.replayed
    assert (again.version, again.position, again.events) == (first.version, first.position, first.events)
    assert len(store.get_events(tally)) == 3


def test_a_command_that_is_already_so_gets_a_receipt_and_no_event(tally: UUID) -> None:
    send(Close(tally_id=tally, at=NOON))
    envelope = Envelope(new_id())
    receipt = send(Close(tally_id=tally, at=NOON), envelope)
    assert (receipt.events, receipt.version, receipt.position) == (0, 2, 0)
    assert send(Close(tally_id=tally, at=NOON), envelope).replayed


def test_a_command_id_belongs_to_one_command(tally: UUID) -> None:
    envelope = Envelope(new_id())
    send(Count(tally_id=tally, amount=pounds("1")), envelope)
    with pytest.raises(CommandIdReused, match=str(envelope.command_id)):
        send(Count(tally_id=tally, amount=pounds("2")), envelope)
    with pytest.raises(CommandIdReused):
        send(Count(tally_id=new_id(), amount=pounds("1")), envelope)


def test_what_is_refused_leaves_nothing_behind(tally: UUID) -> None:
    send(Close(tally_id=tally, at=NOON))
    refused: list[tuple[type[Exception], Command, Envelope | None, int | None]] = [
        (TallyClosed, Count(tally_id=tally, amount=pounds("1")), None, None),
        (WrongExpectedVersion, Close(tally_id=tally, at=NOON), None, 1),
        (InvalidMessage, Open(tally_id=new_id(), name="two\nlines"), None, None),
        (InvalidMessage, Open(tally_id=new_id(), name="x" * 201), None, None),
        (InvalidMessage, Open(tally_id="17", name="x"), None, None),  # type: ignore[arg-type]
        (InvalidMessage, Close(tally_id=new_id(), at=NOON.replace(tzinfo=None)), None, None),
        (
            InvalidMessage,
            Open(tally_id=new_id(), name="x"),
            Envelope(new_id(), occurred_at=NOON.replace(tzinfo=None)),
            None,
        ),
        (InvalidMessage, Open(tally_id=new_id(), name="x"), Envelope(new_id(), actor=""), None),
        (UnknownName, Unregistered(), None, None),
    ]
    for error, command, envelope, expected in refused:

        def act(
            error: type[Exception] = error,
            command: Command = command,
            envelope: Envelope | None = envelope,
            expected: int | None = expected,
        ) -> None:
            with pytest.raises(error):
                send(command, envelope, expected)

        assert_nothing_written(act)


class Unregistered(Command, frozen=True):
    pass


def test_a_float_is_no_money(tally: UUID) -> None:
    with pytest.raises(InvalidMoney):
        pounds("1") * 1.5  # type: ignore[operator]


def test_an_event_over_256_kib_is_refused_by_size() -> None:
    with pytest.raises(EventTooLarge, match="262144"):
        store.append_event(new_id(), Noted(text="x" * 300 * 1024), expected_version=0)
    assert not StoredEvent.objects.exists()


def test_inside_a_transaction_a_refused_append_does_not_doom_it(tally: UUID) -> None:
    envelope = Envelope(new_id())
    with transaction.atomic():
        send(Count(tally_id=tally, amount=pounds("1")), envelope)
        with pytest.raises(CommandIdReused):
            send(Count(tally_id=tally, amount=pounds("2")), envelope)
        send(Count(tally_id=tally, amount=pounds("3")))
    assert len(store.get_events(tally)) == 3


def test_a_rolled_back_transaction_takes_its_events_with_it(tally: UUID) -> None:
    class Undo(Exception):
        pass

    def act() -> None:
        with pytest.raises(Undo), transaction.atomic():
            send(Count(tally_id=tally, amount=pounds("1")))
            raise Undo

    assert_nothing_written(act)


def test_two_at_once_with_the_same_command_id_are_one_command(tally: UUID) -> None:
    for _ in range(20):
        envelope = Envelope(new_id())
        start = threading.Barrier(4)

        def write(_: int, envelope: Envelope = envelope, start: threading.Barrier = start) -> Receipt:
            start.wait(DEADLINE_S)
            try:
                return send(Count(tally_id=tally, amount=pounds("1")), envelope)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(4) as pool:
            receipts = list(pool.map(write, range(4)))
        assert len({receipt.version for receipt in receipts}) == 1
        assert sum(not receipt.replayed for receipt in receipts) == 1
    assert len(store.get_events(tally)) == 21


# --- what a process remembers -----------------------------------------------------------------------------------------


def test_somebody_elses_event_is_seen_although_an_older_state_is_remembered(tally: UUID) -> None:
    send(Count(tally_id=tally, amount=pounds("1")))
    store.append_event(tally, Counted(tally_id=tally, amount=pounds("5")), expected_version=2)
    assert send(Count(tally_id=tally, amount=pounds("2"))).version == 4
    store.append_event(tally, Closed(tally_id=tally, at=NOON), expected_version=4)
    with pytest.raises(TallyClosed):
        send(Count(tally_id=tally, amount=pounds("3")))
    assert find_first_broken(store.read_rows(tally)) is None


def test_a_refusal_is_never_decided_on_what_is_only_remembered() -> None:
    tally = new_id()
    send(Open(tally_id=tally, name="till"))
    send(Close(tally_id=tally, at=NOON))
    empty_tables()
    with pytest.raises(TallyClosed):
        send(Count(tally_id=tally, amount=pounds("1")))
    assert send(Open(tally_id=tally, name="another")).version == 1


def test_another_history_of_the_same_length_is_not_taken_for_ours() -> None:
    """As after a restored backup: the version fits, the hash does not."""
    tally = new_id()
    send(Open(tally_id=tally, name="ours"))
    send(Count(tally_id=tally, amount=pounds("1")))
    empty_tables()
    store.append_event(tally, Opened(tally_id=tally, name="theirs"), expected_version=0)
    store.append_event(tally, Counted(tally_id=tally, amount=pounds("7")), expected_version=1)
    assert send(Count(tally_id=tally, amount=pounds("2"))).version == 3
    assert find_first_broken(store.read_rows(tally)) is None


def test_what_was_rolled_back_is_not_remembered(tally: UUID) -> None:
    class Undo(Exception):
        pass

    with pytest.raises(Undo), transaction.atomic():
        send(Close(tally_id=tally, at=NOON))
        raise Undo
    assert send(Count(tally_id=tally, amount=pounds("1"))).version == 2


def test_a_repeated_command_is_found_although_the_state_is_remembered(tally: UUID) -> None:
    envelope = Envelope(new_id())
    first = send(Count(tally_id=tally, amount=pounds("1")), envelope)
    for _ in range(3):
        again = send(Count(tally_id=tally, amount=pounds("1")), envelope)
        assert (again.replayed, again.version) == (True, first.version)
    assert len(store.get_events(tally)) == 2


def test_an_expected_version_lets_exactly_one_of_two_through(tally: UUID) -> None:
    start = threading.Barrier(2)

    def write(_: int) -> str:
        start.wait(DEADLINE_S)
        try:
            send(Count(tally_id=tally, amount=pounds("1")), expected_version=1)
            return "accepted"
        except WrongExpectedVersion:
            return "refused"
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(write, range(2))) == ["accepted", "refused"]


def test_a_batch_answers_each_command_in_order(tally: UUID) -> None:
    envelope, closed = Envelope(new_id()), new_id()
    earlier = send(Count(tally_id=tally, amount=pounds("1")), envelope)
    outcomes = command_dispatcher.send_many(
        [
            (Open(tally_id=closed, name="new"), Envelope(new_id())),
            (Count(tally_id=tally, amount=pounds("1")), envelope),
            (Close(tally_id=closed, at=NOON), Envelope(new_id())),
            (Count(tally_id=closed, amount=pounds("1")), Envelope(new_id())),
            (Count(tally_id=tally, amount=pounds("9")), envelope),
            (Open(tally_id=new_id(), name="two\nlines"), Envelope(new_id())),
            (Count(tally_id=tally, amount=pounds("4"), times=3), Envelope(new_id())),
        ],
        registry=tallies,
    )
    kinds = [type(outcome).__name__ for outcome in outcomes]
    assert kinds == [
        "Receipt",
        "Receipt",
        "Receipt",
        "TallyClosed",
        "CommandIdReused",
        "InvalidMessage",
        "Receipt",
    ]
    replayed, last = outcomes[1], outcomes[6]
    assert isinstance(replayed, Receipt) and isinstance(last, Receipt)
    assert replayed.replayed and replayed.position == earlier.position
    assert (last.version, last.events) == (5, 3)
    assert last.position == max(item.meta.position for item in store.get_events(tally))
    assert [item.meta.version for item in store.get_events(closed)] == [1, 2]


def test_a_batch_and_single_commands_leave_the_same_events() -> None:
    one, many = new_id(), new_id()
    for command in (Open(tally_id=one, name="x"), Count(tally_id=one, amount=pounds("2"), times=2)):
        send(command)
    command_dispatcher.send_many(
        [
            (Open(tally_id=many, name="x"), Envelope(new_id())),
            (Count(tally_id=many, amount=pounds("2"), times=2), Envelope(new_id())),
        ],
        registry=tallies,
    )
    shapes = [
        [
            (type(item.event).__name__, item.meta.version, item.meta.sequence_number)
            for item in store.get_events(tally_id)
        ]
        for tally_id in (one, many)
    ]
    assert shapes[0] == shapes[1]


def test_a_batch_of_one_command_answers_as_a_larger_one(tally: UUID) -> None:
    def answer(command: Command, envelope: Envelope | None = None) -> str:
        [outcome] = command_dispatcher.send_many([(command, envelope or Envelope(new_id()))], registry=tallies)
        is_replay = isinstance(outcome, Receipt) and outcome.replayed
        return "replayed" if is_replay else type(outcome).__name__

    envelope = Envelope(new_id())
    assert answer(Count(tally_id=tally, amount=pounds("1")), envelope) == "Receipt"
    assert answer(Count(tally_id=tally, amount=pounds("1")), envelope) == "replayed"
    assert answer(Count(tally_id=tally, amount=pounds("2")), envelope) == "CommandIdReused"
    assert answer(Open(tally_id=new_id(), name="two\nlines")) == "InvalidMessage"
    with transaction.atomic():
        assert answer(Close(tally_id=tally, at=NOON)) == "Receipt"
        assert answer(Count(tally_id=tally, amount=pounds("1"))) == "TallyClosed"
    assert_nothing_written(lambda: answer(Count(tally_id=tally, amount=pounds("1"))))
    assert len(store.get_events(tally)) == 3


def test_batches_that_race_lose_nothing() -> None:
    shared = new_id()
    send(Open(tally_id=shared, name="shared"))

    def write(_: int) -> int:
        accepted = 0
        for _ in range(5):
            batch = [(Count(tally_id=shared, amount=pounds("1")), Envelope(new_id())) for _ in range(10)]
            accepted += len(command_dispatcher.send_many(batch, registry=tallies))
        connections.close_all()
        return accepted

    with ThreadPoolExecutor(4) as pool:
        accepted = sum(pool.map(write, range(4)))
    assert accepted == 200
    assert len(store.get_events(shared)) == accepted + 1


@pytest.mark.postgres
@pytest.mark.parametrize(("remembered", "expected"), [(0, 2), (1_000, 1)])
def test_the_first_command_of_an_id_made_just_now_is_decided_without_loading(
    tally: UUID, settings: Any, remembered: int, expected: int
) -> None:
    settings.AGGREGATES_IN_MEMORY = remembered
    for _ in range(2):  # the statements are prepared from now on
        send(Count(tally_id=tally, amount=pounds("1")))
    send(Open(tally_id=new_id(), name="x"))
    assert count_round_trips(lambda: send(Open(tally_id=new_id(), name="x"))) == expected


def test_the_guess_that_a_new_id_has_no_stream_yet_may_be_wrong() -> None:
    """Another process has created the stream: a command is then decided on what it did, whatever the guess allows."""
    taken, envelope = new_id(), Envelope(new_id())
    store.append_event(taken, Opened(tally_id=taken, name="theirs"), expected_version=0)
    with pytest.raises(TallyClosed):
        send(Open(tally_id=taken, name="ours"))
    assert send(Close(tally_id=taken, at=NOON), envelope).version == 2
    aggregate_cache.evict(Tally, taken)
    assert send(Close(tally_id=taken, at=NOON), envelope).replayed
    with pytest.raises(TallyClosed):
        send(Count(tally_id=new_id(), amount=pounds("1")))
    with pytest.raises(WrongExpectedVersion):
        send(Close(tally_id=taken, at=NOON), expected_version=0)
    assert len(store.get_events(taken)) == 2


@pytest.mark.postgres
@pytest.mark.parametrize(("remembered", "expected"), [(0, 2), (1_000, 1)])
def test_a_command_costs_two_round_trips_and_one_when_its_aggregate_is_remembered(
    tally: UUID, settings: Any, remembered: int, expected: int
) -> None:
    settings.AGGREGATES_IN_MEMORY = remembered
    for _ in range(2):  # the statements are prepared from now on
        send(Count(tally_id=tally, amount=pounds("1")))
    assert count_round_trips(lambda: send(Count(tally_id=tally, amount=pounds("1")))) == expected
