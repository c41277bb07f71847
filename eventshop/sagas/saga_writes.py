"""What the transaction of a batch of sagas writes for them, besides their states and steps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from eventshop.eventstore.backends import bulk_sql
from eventshop.sagas import timers
from eventshop.sagas.errors import LeaseLost
from eventshop.sagas.inbox import WaitingMessage
from eventshop.sagas.models import InboxMessage, Saga, SagaStep, Timer
from eventshop.sagas.saga_instance import SagaInstance


def set_state(messages: Sequence[WaitingMessage], state: InboxMessage.State, now: datetime) -> None:
    """Move waiting messages to a state; raises `LeaseLost` when another worker has taken one of them."""
    if not messages:
        return
    ids = [message.pk for message in messages]
    waiting = InboxMessage.objects.filter(pk__in=ids, state=InboxMessage.State.WAITING)
    if waiting.update(state=state, handled_at=now) != len(messages):
        raise LeaseLost("another worker has processed these messages")


def set_timers(sagas: Sequence[SagaInstance], now: datetime) -> None:
    keys = [saga.timer_key(name) for saga in sagas for name in saga.timers]
    if not keys:
        return
    Timer.objects.filter(key__in=keys, fired_at=None).delete()
    new_timers = [timer for saga in sagas for timer in saga.timers.values() if timer is not None]
    for timer in new_timers:
        timer.set_at = now
    bulk_sql.insert_rows(new_timers)
    timers.wake_for(new_timers)


def apply_operator_action(saga: SagaInstance, now: datetime) -> None:
    """After a resolve: give up everything open. After a resume: deferred messages wait again, failed steps too."""
    if saga.row.status == Saga.Status.RESOLVED:
        InboxMessage.objects.filter(saga_id=saga.row.pk, state=InboxMessage.State.DEFERRED).update(
            state=InboxMessage.State.SKIPPED, handled_at=now
        )
        open_states = (SagaStep.State.WAITING, SagaStep.State.FAILED, SagaStep.State.MUTED)
        SagaStep.objects.filter(saga_id=saga.row.pk, state__in=open_states, answered_at=None).update(
            state=SagaStep.State.GIVEN_UP, answered_at=now
        )
        Timer.objects.filter(saga_id=saga.row.pk, fired_at=None).delete()
        Saga.objects.filter(pk=saga.row.pk).update(muted=False)
        saga.row.behind = 0
    elif saga.resumed:
        deferred = InboxMessage.objects.filter(saga_id=saga.row.pk, state=InboxMessage.State.DEFERRED)
        if saga.skip_first_deferred and (first := deferred.order_by("pk").first()) is not None:
            InboxMessage.objects.filter(pk=first.pk).update(state=InboxMessage.State.SKIPPED, handled_at=now)
        deferred.update(state=InboxMessage.State.WAITING, handled_at=None)
        SagaStep.objects.filter(saga_id=saga.row.pk, state=SagaStep.State.FAILED).update(
            state=SagaStep.State.WAITING, looked_at_from=now
        )
