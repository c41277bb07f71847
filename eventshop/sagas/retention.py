"""Retention: steps and inbox messages of finished sagas are deleted after a time; the events stay for ever.

Unlike other rows, they are deleted saga by saga, and the saga's own row notes when. That row stays, with its state,
because the saga may process another event. Whatever is not finished stays too, however old it is.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from eventshop.eventstore.unit_of_work import batch_write
from eventshop.sagas.inbox import saga_id_for
from eventshop.sagas.models import InboxMessage, Saga, SagaStep
from eventshop.sagas.saga_registry import SagaRegistry, saga_registry

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
_FINISHED: Final = (Saga.Status.ENDED, Saga.Status.RESOLVED)
_FINISHED_MESSAGES: Final = (InboxMessage.State.PROCESSED, InboxMessage.State.SKIPPED)


class CleanupResult(NamedTuple):
    """How many sagas were cleaned up, and how many rows were deleted."""

    sagas: int = 0
    steps: int = 0
    messages: int = 0

    def plus(self, other: CleanupResult) -> CleanupResult:
        return CleanupResult(self.sagas + other.sagas, self.steps + other.steps, self.messages + other.messages)


def clean_up(*, kept: timedelta, batch: int = BATCH) -> CleanupResult:
    """Delete what is older than `kept`, of sagas that ended or were resolved."""
    before = timezone.now() - kept
    deleted = CleanupResult()
    while ids := list(_due_sagas(before)[:batch]):
        deleted = deleted.plus(_delete_details(ids, before))
    return deleted


def forget_details(subjects: Collection[UUID], sagas: SagaRegistry = saga_registry) -> CleanupResult:
    """Delete the details of finished sagas of erased people and streams at once: their texts are in anybody's words."""
    kinds = sagas.versions_by_kind
    known = [saga_id_for(kind, subject) for kind in kinds for subject in subjects]
    deleted = CleanupResult()
    for start in range(0, len(known), BATCH):
        finished = Saga.objects.filter(pk__in=known[start : start + BATCH], status__in=_FINISHED)
        if ids := list(finished.values_list("pk", flat=True)):
            deleted = deleted.plus(_delete_details(ids, timezone.now()))
    return deleted


def _delete_details(ids: Collection[UUID], before: datetime) -> CleanupResult:
    """Delete what was finished by then of these sagas: what is being written now must stay."""
    with batch_write():
        finished_steps = SagaStep.objects.filter(saga_id__in=ids, state__in=_FINISHED_STEPS, answered_at__lt=before)
        finished_messages = InboxMessage.objects.filter(
            saga_id__in=ids, state__in=_FINISHED_MESSAGES, handled_at__lt=before
        )
        deleted = CleanupResult(len(ids), finished_steps.delete()[0], finished_messages.delete()[0])
        Saga.objects.filter(pk__in=ids).update(swept_at=timezone.now(), error="")
    return deleted


def _due_sagas(before: datetime) -> QuerySet[Saga, UUID]:
    """Finished sagas that have processed nothing for long, and nothing since their last clean-up."""
    open_messages = InboxMessage.objects.filter(
        saga_id=OuterRef("pk"), state__in=(InboxMessage.State.WAITING, InboxMessage.State.DEFERRED)
    )
    finished = Saga.objects.filter(
        Q(swept_at=None) | Q(swept_at__lt=F("moved_at")),
        status__in=_FINISHED,
        moved_at__lt=before - _GRACE_PERIOD,
        behind=0,
        muted=False,
    )
    return finished.exclude(Exists(open_messages)).order_by("moved_at").values_list("pk", flat=True)
