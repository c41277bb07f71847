"""Retention: steps and inbox messages of finished sagas are deleted after a time; the events stay for ever.

Unlike other rows, they are deleted saga by saga, and the saga's own row notes when. That row stays, with its state,
because the saga may process another event. Whatever is not finished stays too, however old it is.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from eventshop.eventstore.unit_of_work import batch_write
from eventshop.sagas.models import InboxMessage, Saga, SagaStep

#: Sagas in one transaction: other writers must not wait long.
BATCH: Final = 500
#: A result may be written a little after the saga's last message.
_GRACE_PERIOD: Final = timedelta(days=1)

_FINISHED_STEPS: Final = (
    SagaStep.State.ACCEPTED,
    SagaStep.State.REFUSED,
    SagaStep.State.ANSWERED,
    SagaStep.State.GIVEN_UP,
    SagaStep.State.MUTED,  # with a time: its saga is live
)
_FINISHED_MESSAGES: Final = (InboxMessage.State.PROCESSED, InboxMessage.State.SKIPPED)


class CleanupResult(NamedTuple):
    """How many sagas were cleaned up, and how many rows were deleted."""

    sagas: int = 0
    steps: int = 0
    messages: int = 0


def clean_up(*, kept: timedelta, batch: int = BATCH) -> CleanupResult:
    """Delete what is older than `kept`, of sagas that ended or were resolved."""
    before = timezone.now() - kept
    sagas = steps = messages = 0
    while ids := list(_due_sagas(before)[:batch]):
        with batch_write():
            # Only rows that were finished by then: what is being written now must stay.
            finished_steps = SagaStep.objects.filter(saga_id__in=ids, state__in=_FINISHED_STEPS, answered_at__lt=before)
            finished_messages = InboxMessage.objects.filter(
                saga_id__in=ids, state__in=_FINISHED_MESSAGES, handled_at__lt=before
            )
            steps += finished_steps.delete()[0]
            messages += finished_messages.delete()[0]
            Saga.objects.filter(pk__in=ids).update(swept_at=timezone.now())
        sagas += len(ids)
    return CleanupResult(sagas, steps, messages)


def _due_sagas(before: datetime) -> QuerySet[Saga, UUID]:
    """Finished sagas that have processed nothing for long, and nothing since their last clean-up."""
    open_messages = InboxMessage.objects.filter(
        saga_id=OuterRef("pk"), state__in=(InboxMessage.State.WAITING, InboxMessage.State.DEFERRED)
    )
    finished = Saga.objects.filter(
        Q(swept_at=None) | Q(swept_at__lt=F("moved_at")),
        status__in=(Saga.Status.ENDED, Saga.Status.RESOLVED),
        moved_at__lt=before - _GRACE_PERIOD,
        behind=0,
        muted=False,
    )
    return finished.exclude(Exists(open_messages)).order_by("moved_at").values_list("pk", flat=True)
