"""Durable timers: when one is due, its command is sent, or its saga gets a message, exactly once.

A timer is a row, so setting and cancelling one is part of the caller's transaction. A worker claims due rows by moving
`looked_at_from` behind a lease, and fires them in the transaction that appends what follows.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import IntegrityError
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import EventShopError, InvalidMessage
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.message_registry import registry as default_registry
from eventshop.core.messages import Command, Envelope
from eventshop.core.serialization import decode_stored, encode_canonical
from eventshop.eventstore.command_dispatcher import Outcome, send_many
from eventshop.eventstore.unit_of_work import batch_write
from eventshop.runtime import metrics
from eventshop.runtime.backoff import TRANSIENT_ERRORS, Backoff
from eventshop.runtime.database_clock import database_now, seconds_until_first
from eventshop.runtime.leases import claim_due_rows
from eventshop.runtime.wake_signals import POLL_INTERVAL_S, Channel, wake
from eventshop.sagas import inbox
from eventshop.sagas.models import Saga, Timer

log = logging.getLogger(__name__)

#: How long a worker that died keeps the timers that it had claimed.
LEASE: Final = timedelta(seconds=10)
#: Timers fired in one transaction.
BATCH: Final = 100
#: The delays after a failure that is not a refusal.
BACKOFF: Final = Backoff(timedelta(seconds=5), timedelta(hours=1))


def set_timer(key: str, *, due: datetime, command: Command, envelope: Envelope | None = None) -> None:
    """Send `command` at `due`. It replaces the waiting timer with this key, if there is one.

    The command id is derived from key and due time: the same timer set again after it fired is the same command. Raises
    `InvalidMessage` for a time without time zone, a key that is empty or longer than 200 characters, and a command with
    personal data: its row stays readable after the person is erased.
    """
    if due.tzinfo is None:
        raise InvalidMessage("due needs a time zone", due=due)
    if not 0 < len(key) <= 200:
        raise InvalidMessage("a timer's key has 1 to 200 characters", key=key[:50])
    default_registry.aggregate_of(type(command))
    if default_registry.tells_of_a_person(type(command)):
        raise InvalidMessage("a timer must not store personal data", command=type(command).__name__)
    command_id = derive_id("timer", int(due.timestamp() * 1_000_000), key)
    template = envelope or Envelope(command_id=command_id, actor="timer")
    stored_envelope = Envelope(
        command_id,
        template.actor,
        template.occurred_at,
        template.correlation_id,
        template.causation_id,
        template.saga_id,
        template.sequence_number,
        template.metadata,
    )
    _replace(
        Timer(
            key=key,
            due_at=due.astimezone(UTC),
            looked_at_from=due.astimezone(UTC),
            command_type=type(command).__name__,
            command=encode_canonical(command)[0].decode(),
            envelope=encode_canonical(stored_envelope)[0].decode(),
        )
    )


def cancel_timer(key: str) -> bool:
    """Delete the waiting timer with this key; whether there was one."""
    return bool(Timer.objects.filter(key=key, fired_at=None).delete()[0])


def _replace(timer: Timer) -> None:
    for is_last_try in (False, True):
        try:
            with batch_write():
                Timer.objects.filter(key=timer.key, fired_at=None).delete()
                timer.save(force_insert=True)
                wake_for([timer])
            return
        except IntegrityError:  # another transaction set the same timer meanwhile: now its row can be replaced
            if is_last_try:
                raise


def wake_for(timers: Iterable[Timer]) -> None:
    """Wake the threads that fire timers if one of these is due before they look again by themselves."""
    soon = database_now() + timedelta(seconds=POLL_INTERVAL_S)
    if any(timer.looked_at_from <= soon for timer in timers):
        wake(Channel.TIMERS)


# --- firing -------------------------------------------------------------------------------------------------------


def fire_due_timers(owner: str, *, now: datetime | None = None, registry: MessageRegistry = default_registry) -> int:
    """Fire the due timers; returns how many there were. One statement when there are none."""
    claimed = _claim(owner, now)
    if claimed:
        _fire(owner, claimed, registry)
    return len(claimed)


def seconds_until_due() -> float:
    """How long until a timer is due, at most 0 if one is; infinite without timers. One statement."""
    return seconds_until_first(Timer.objects.filter(fired_at=None), "looked_at_from")


def release_claims(owner: str) -> None:
    """Make the timers that a failed round had claimed due again at once, for any worker."""
    Timer.objects.filter(owner=owner, fired_at=None).update(owner="", looked_at_from=Now())


def _claim(owner: str, now: datetime | None) -> list[int]:
    """The ids of due timers that are now this worker's."""
    waiting = Timer.objects.filter(fired_at=None).order_by("looked_at_from")
    claimed = claim_due_rows(
        waiting, due_column="looked_at_from", lease=LEASE, limit=BATCH, now=now, write=batch_write, owner=owner
    )
    return [timer.pk for timer in claimed]


def _fire(owner: str, ids: Sequence[int], registry: MessageRegistry) -> None:
    """Fire timers in one transaction, or one by one when one of them fails."""
    try:
        _fire_together(owner, ids, registry)
    except TRANSIENT_ERRORS:
        raise
    except Exception as error:  # one timer's failure must not keep back the others
        if len(ids) == 1:
            _record_failure(ids[0], error)
            return
        for timer_id in ids:
            _fire(owner, [timer_id], registry)


def _fire_together(owner: str, ids: Sequence[int], registry: MessageRegistry) -> None:
    with batch_write():
        # Only those that are still this worker's: after an expired lease another one may have fired them.
        owned = Timer.objects.select_for_update().filter(pk__in=ids, owner=owner, fired_at=None).order_by("due_at")
        timers = list(owned)
        now = timezone.now()
        inbox.add_timer_messages([timer for timer in timers if timer.saga_id is not None], now)
        with_command = [timer for timer in timers if timer.saga_id is None]
        commands = [_decode(timer, registry) for timer in with_command]
        outcomes = send_many(commands, registry=registry) if commands else []
        for timer, outcome in zip(with_command, outcomes, strict=True):
            timer.answer = _describe(outcome)
        for timer in timers:
            timer.fired_at = now
            metrics.TIMER_DELAY_SECONDS.observe(max(0.0, (now - timer.due_at).total_seconds()))
        Timer.objects.bulk_update(timers, ["fired_at", "answer"])


def _decode(timer: Timer, registry: MessageRegistry) -> tuple[Command, Envelope]:
    command = decode_stored(registry.command_class(timer.command_type), timer.command)
    return command, decode_stored(Envelope, timer.envelope)


def _record_failure(timer_id: int, error: Exception) -> None:
    timer = Timer.objects.get(pk=timer_id)
    wait = BACKOFF.delay(timer.attempts + 1)
    log.error("timer %s failed, next attempt in %s: %s", timer.key, wait, error)
    Timer.objects.filter(pk=timer_id, fired_at=None).update(
        attempts=timer.attempts + 1,
        looked_at_from=Now() + wait,
        owner="",
        answer=f"{type(error).__name__}: {error}"[:500],
    )


def _describe(outcome: Outcome) -> str:
    return f"refused: {outcome}"[:500] if isinstance(outcome, EventShopError) else "accepted"


# --- sandboxes ----------------------------------------------------------------------------------------------------


def bring_forward(sagas: QuerySet[Saga], by: timedelta) -> list[Timer]:
    """Let time pass for some sagas alone: their waiting timers are due so much earlier. Returns those that are due now.

    What becomes due by it fires now, in the order in which it was due. For sandboxes: recorded times stay as they are.
    """
    with batch_write():
        own = Timer.objects.filter(fired_at=None, saga_id__in=sagas.values("saga_id"))
        waiting, now = list(own.select_for_update().order_by("due_at", "pk")), database_now()
        due = [timer for timer in waiting if timer.due_at - by <= now]
        for number, timer in enumerate(waiting):
            # Not in the past: a timer that is late is a fault to those who watch the system.
            timer.due_at = max(timer.due_at - by, now + timedelta(microseconds=number))
            timer.looked_at_from = timer.due_at
        Timer.objects.bulk_update(waiting, ["due_at", "looked_at_from"])
        wake_for(due)
    return due
