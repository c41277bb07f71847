"""Durable timers: a command that is sent when its time has come, once, whoever was restarted meanwhile.

A timer is a row, so setting and cancelling one belongs to the caller's transaction. Workers take due rows by pushing
the moment from which anybody looks at them behind a lease, and fire them in the transaction that appends what follows.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from threading import Event as Signal
from typing import Final, TypeAlias

from django.db import IntegrityError, InterfaceError, OperationalError, connections
from django.utils import timezone

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import EventShopError, InvalidMessage
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.message_registry import registry as program
from eventshop.core.messages import Command, Envelope
from eventshop.core.serialization import decode_command, decode_stored, encode_canonical
from eventshop.eventstore.command_dispatcher import Outcome, send_many
from eventshop.eventstore.unit_of_work import batch_write
from eventshop.sagas import inbox
from eventshop.sagas.models import Timer

log = logging.getLogger(__name__)

#: How long a worker that died, or stopped, keeps others from the timers it had taken.
LEASE: Final = timedelta(seconds=10)
#: How often due timers are looked for; half of it is how late one fires on an idle machine.
CHECK_INTERVAL_S: Final = 0.25
#: Timers fired in one transaction.
BATCH: Final = 100
#: The wait after a failure that is not a refusal; it doubles each time, up to an hour.
FIRST_WAIT: Final = timedelta(seconds=5)
LONGEST_WAIT: Final = timedelta(hours=1)

#: What a database raises that is away, or too busy to answer.
TRANSIENT_ERRORS: Final = (OperationalError, InterfaceError)

Letter: TypeAlias = tuple[Command, Envelope]


def set_timer(key: str, *, due: datetime, command: Command, envelope: Envelope | None = None) -> None:
    """Send `command` at `due`. The timer that waits under this key, if there is one, is replaced.

    Its command id follows from key and due time: the same timer set again after it fired is the same command. Raises
    `InvalidMessage` for a naive time, a key that is empty or over 200 characters, or a command that is none or holds
    personal data: it would lie here readable, after the person is erased.
    """
    if due.tzinfo is None:
        raise InvalidMessage("due needs a time zone", due=due)
    if not 0 < len(key) <= 200:
        raise InvalidMessage("a timer's key has 1 to 200 characters", key=key[:50])
    program.aggregate_of(type(command))
    if program.personal_fields_of(type(command)):
        raise InvalidMessage("a timer keeps no personal data", command=type(command).__name__)
    command_id = derive_id("timer", int(due.timestamp() * 1_000_000), key)
    given = envelope or Envelope(command_id=command_id, actor="timer")
    sealed = Envelope(
        command_id,
        given.actor,
        given.occurred_at,
        given.correlation_id,
        given.causation_id,
        given.saga_id,
        given.sequence_number,
        given.metadata,
    )
    _replace(
        Timer(
            key=key,
            due_at=due.astimezone(UTC),
            looked_at_from=due.astimezone(UTC),
            command_type=type(command).__name__,
            command=encode_canonical(command)[0].decode(),
            envelope=encode_canonical(sealed)[0].decode(),
        )
    )


def cancel_timer(key: str) -> bool:
    """Whether a timer waited under this key; it will not fire any more."""
    return bool(Timer.objects.filter(key=key, fired_at=None).delete()[0])


def _replace(timer: Timer) -> None:
    for last_try in (False, True):
        try:
            with batch_write():
                Timer.objects.filter(key=timer.key, fired_at=None).delete()
                timer.save(force_insert=True)
            return
        except IntegrityError:  # somebody set the same one at the same moment: theirs is there to be replaced now
            if last_try:
                raise


# --- firing -------------------------------------------------------------------------------------------------------


def fire_due_timers(owner: str, *, now: datetime | None = None, registry: MessageRegistry = program) -> int:
    """Fire what is due; how many there were. One statement when nothing is."""
    taken = _taken(owner, now or timezone.now())
    if taken:
        _fire(owner, taken, registry)
    return len(taken)


def run(owner: str, stop: Signal) -> None:
    """Fire timers until told to stop; a database that is away is waited for."""
    failures = 0
    while not stop.is_set():
        try:
            if failures:
                _give_back(owner)
            fired, failures = fire_due_timers(owner), 0
        except Exception as error:  # a worker outlives whatever happens to one round, and says so
            failures += 1
            log.warning("timers: trying again: %s", error, exc_info=not isinstance(error, TRANSIENT_ERRORS))
            connections.close_all()
            stop.wait(min(10.0, 0.1 * 2 ** min(failures, 10)))
            continue
        if not fired:
            stop.wait(CHECK_INTERVAL_S)
    connections.close_all()


def _taken(owner: str, now: datetime) -> list[int]:
    due = Timer.objects.filter(fired_at=None, looked_at_from__lte=now).order_by("looked_at_from")
    found = list(due.values_list("pk", flat=True)[:BATCH])
    if not found:
        return []
    with batch_write():
        free = due.filter(pk__in=found).select_for_update(skip_locked=True)
        taken = list(free.values_list("pk", flat=True))
        Timer.objects.filter(pk__in=taken).update(owner=owner, looked_at_from=now + LEASE)
    return taken


def _give_back(owner: str) -> None:
    """What a failed round had taken is due again at once, for whoever is there."""
    Timer.objects.filter(owner=owner, fired_at=None).update(owner="", looked_at_from=timezone.now())


def _fire(owner: str, taken: Sequence[int], registry: MessageRegistry) -> None:
    """Fire them together, or one by one when one of them spoils it for all."""
    try:
        _fired(owner, taken, registry)
    except TRANSIENT_ERRORS:
        raise
    except Exception as error:  # whatever it is, it is some timer's failure, and no other's
        if len(taken) == 1:
            _failed(taken[0], error)
            return
        for one in taken:
            _fire(owner, [one], registry)


def _fired(owner: str, taken: Sequence[int], registry: MessageRegistry) -> None:
    with batch_write():
        # Those that are still ours: whoever slept through a lease finds nothing here.
        mine = Timer.objects.select_for_update().filter(pk__in=taken, owner=owner, fired_at=None).order_by("due_at")
        rows = list(mine)
        now = timezone.now()
        inbox.add_timer_messages([row for row in rows if row.saga_id is not None], now)
        letters = [row for row in rows if row.saga_id is None]
        outcomes = send_many([_letter(row, registry) for row in letters], registry=registry) if letters else []
        for row, outcome in zip(letters, outcomes, strict=True):
            row.answer = _sentence(outcome)
        for row in rows:
            row.fired_at = now
        Timer.objects.bulk_update(rows, ["fired_at", "answer"])


def _letter(row: Timer, registry: MessageRegistry) -> Letter:
    return decode_command(registry.command_class(row.command_type), row.command), decode_stored(Envelope, row.envelope)


def _failed(pk: int, error: Exception) -> None:
    row = Timer.objects.get(pk=pk)
    wait = min(FIRST_WAIT * 2 ** min(row.attempts, 20), LONGEST_WAIT)
    log.error("timer %s failed, next try in %s: %s", row.key, wait, error)
    Timer.objects.filter(pk=pk, fired_at=None).update(
        attempts=row.attempts + 1,
        looked_at_from=timezone.now() + wait,
        owner="",
        answer=f"{type(error).__name__}: {error}"[:500],
    )


def _sentence(outcome: Outcome) -> str:
    return f"refused: {outcome}"[:500] if isinstance(outcome, EventShopError) else "accepted"
