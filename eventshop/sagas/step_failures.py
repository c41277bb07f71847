"""Steps of sagas that fail and are tried again, and sagas that are suspended: by saga, and in groups by their cause."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Now

from eventshop.core.errors import InvalidMessage
from eventshop.runtime.wake_signals import Channel, wake
from eventshop.sagas.effects import NO_RESULT
from eventshop.sagas.models import Saga, SagaStep

#: Steps and sagas that are read to be grouped; the newest beyond that are not counted.
MAX_READ: Final = 2_000
#: What differs between errors of one cause: ids, numbers, quoted values.
_VARIABLE: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|'[^']*'|\"[^\"]*\"|\b\d+\b")


class FailureGroup(NamedTuple):
    """Sagas of one kind that are held up by one cause."""

    kind: str
    step: str
    cause: str  # the error without ids, numbers and quoted values
    is_suspended: bool
    example: str  # one of the errors as it is
    since: datetime
    attempts: int  # the most of one step
    next_try: datetime | None
    sagas: tuple[UUID, ...]

    @property
    def key(self) -> str:
        """What names the group in a URL."""
        return f"{'suspended' if self.is_suspended else 'retrying'}|{self.kind}|{self.step}|{self.cause}"


def retrying_steps() -> QuerySet[SagaStep]:
    """Steps that have failed and will be tried again; not those whose result is only still to come."""
    waiting = SagaStep.objects.filter(state=SagaStep.State.WAITING, attempts__gte=1)
    return waiting.exclude(answer=NO_RESULT).order_by("looked_at_from")


def retrying_of(sagas: Collection[UUID]) -> dict[UUID, SagaStep]:
    """The step that fails of each of these sagas, as far as one does; the one with the most attempts."""
    steps = retrying_steps().filter(saga_id__in=sagas).order_by("attempts")
    return {step.saga_id: step for step in steps}


def group_failures(*, least_attempts: int = 1) -> list[FailureGroup]:
    """All groups, suspended ones first, then by age; two statements, and one for the kinds of retrying sagas."""
    return [*_suspended_groups(), *_retrying_groups(least_attempts)]


def find_group(key: str) -> FailureGroup | None:
    """The group with this key as it is now; None if it is gone."""
    return next((group for group in group_failures() if group.key == key), None)


def cause_of(error: str) -> str:
    """The same text for all errors of one cause."""
    return _VARIABLE.sub("…", error)[:200]


def retry_now(sagas: Collection[UUID]) -> int:
    """Make the failing steps of these sagas due now, unless a worker has claimed one; returns how many are.

    Raises `InvalidMessage` if there is none.
    """
    due = SagaStep.objects.filter(pk__in=retrying_steps().filter(saga_id__in=sagas).values("pk"), owner="")
    found = due.update(looked_at_from=Now())
    if not found:
        raise InvalidMessage("no step waits to be tried again: it is being tried at this moment, or it has succeeded")
    wake(Channel.EFFECTS)
    return found


def _suspended_groups() -> list[FailureGroup]:
    suspended = Saga.objects.filter(status=Saga.Status.SUSPENDED).order_by("moved_at")
    by_cause: dict[tuple[str, str], list[Saga]] = {}
    for saga in suspended.only("pk", "kind", "error", "moved_at")[:MAX_READ]:
        by_cause.setdefault((saga.kind, cause_of(saga.error)), []).append(saga)
    return [
        FailureGroup(
            kind,
            sagas[0].error.partition(" ")[0].rstrip(":"),
            cause,
            True,
            sagas[0].error,
            sagas[0].moved_at,
            0,
            None,
            tuple(saga.pk for saga in sagas),
        )
        for (kind, cause), sagas in by_cause.items()
    ]


def _retrying_groups(least_attempts: int) -> list[FailureGroup]:
    steps = list(retrying_steps().filter(attempts__gte=least_attempts)[:MAX_READ])
    active = Saga.objects.filter(pk__in={step.saga_id for step in steps}).exclude(status=Saga.Status.SUSPENDED)
    kinds = dict(active.values_list("pk", "kind"))
    by_cause: dict[tuple[str, str, str], list[SagaStep]] = {}
    for step in steps:
        if step.saga_id in kinds:
            by_cause.setdefault((kinds[step.saga_id], step.name, cause_of(step.answer)), []).append(step)
    groups = [
        FailureGroup(
            kind,
            name,
            cause,
            False,
            of_cause[0].answer,
            min(step.failing_since or step.made_at for step in of_cause),
            max(step.attempts for step in of_cause),
            of_cause[0].looked_at_from,
            tuple(dict.fromkeys(step.saga_id for step in of_cause)),
        )
        for (kind, name, cause), of_cause in by_cause.items()
    ]
    return sorted(groups, key=lambda group: group.since)
