"""What finished sagas heard and did, step by step, is removed after a time; the events tell the story for ever.

A saga's own row stays, with its state: it may hear something yet. What is not finished stays, too, however old it is.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from eventshop.eventstore.unit_of_work import batch_write
from eventshop.sagas.models import InboxMessage, Saga, SagaStep, Timer

#: Sagas, or timers, in one transaction: others write meanwhile.
BATCH: Final = 500
#: An answer may be written a little after the saga heard of anything last.
_SETTLED: Final = timedelta(days=1)

_FINISHED: Final = (
    SagaStep.State.ACCEPTED,
    SagaStep.State.REFUSED,
    SagaStep.State.ANSWERED,
    SagaStep.State.GIVEN_UP,
)
_HEARD: Final = (InboxMessage.State.PROCESSED, InboxMessage.State.SKIPPED)


class CleanupResult(NamedTuple):
    """How much was removed."""

    sagas: int = 0
    steps: int = 0
    inputs: int = 0
    timers: int = 0


def clean_up(*, kept: timedelta, batch: int = BATCH) -> CleanupResult:
    """Remove what is older than `kept` of sagas that ended or were resolved, and timers that fired before."""
    before = timezone.now() - kept
    sagas = steps = inputs = timers = 0
    while found := list(_due(before)[:batch]):
        with batch_write():
            # Only what was finished then: of what is written this moment, nothing is taken away.
            steps += SagaStep.objects.filter(saga_id__in=found, state__in=_FINISHED, answered_at__lt=before).delete()[0]
            inputs += InboxMessage.objects.filter(saga_id__in=found, state__in=_HEARD, handled_at__lt=before).delete()[
                0
            ]
            Saga.objects.filter(pk__in=found).update(swept_at=timezone.now())
        sagas += len(found)
    while fired := list(Timer.objects.filter(fired_at__lt=before).values_list("pk", flat=True)[:batch]):
        timers += Timer.objects.filter(pk__in=fired).delete()[0]
    return CleanupResult(sagas, steps, inputs, timers)


def _due(before: datetime) -> QuerySet[Saga, UUID]:
    """Finished sagas that have heard nothing for long, and nothing at all since they were swept last."""
    unheard = InboxMessage.objects.filter(
        saga_id=OuterRef("pk"), state__in=(InboxMessage.State.WAITING, InboxMessage.State.DEFERRED)
    )
    finished = Saga.objects.filter(
        Q(swept_at=None) | Q(swept_at__lt=F("moved_at")),
        status__in=(Saga.Status.ENDED, Saga.Status.RESOLVED),
        moved_at__lt=before - _SETTLED,
        behind=0,
    )
    return finished.exclude(Exists(unheard)).order_by("moved_at").values_list("pk", flat=True)
