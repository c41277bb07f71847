"""What operators do about dead letters, as REST resources: one, all of a cause, corrections."""

from __future__ import annotations

from typing import Any, ClassVar, Final
from uuid import UUID

from msgspec import Struct
from rest_framework.request import Request

from eventshop.core.errors import ProjectionError
from eventshop.operations import dead_letter_operations, unreadable_records
from eventshop.projections.dead_letter_jobs import Verb
from eventshop.projections.models import DeadLetterJob, EventCorrection, UnreadableRecord
from eventshop.web.api.operations_schemas import (
    CauseAction,
    CorrectionState,
    CorrectionStates,
    DeadLetterJobState,
    LetterAction,
    OperatorReason,
    UnreadableRecordState,
    UnreadableRecordStates,
)
from eventshop.web.api.operations_views import ActionView, ListView, RequestView, RowView, fields_of, find_row

_ENGINE: Final = "projection_engine."
#: Corrections in the list, the newest first.
_LISTED: Final = 100


class DeadLetterRetry(ActionView):
    """Retry the queue of a dead letter, whole or up to this one."""

    right = f"{_ENGINE}retry_dead_letters"
    body = LetterAction

    def act(self, body: LetterAction, actor: str, *, name: str, event_id: UUID) -> str:
        letter = dead_letter_operations.find_letter(name, event_id)
        up_to = letter.position if body.up_to_here else None
        found = dead_letter_operations.retry(name, letter.aggregate_id, actor=actor, up_to=up_to)
        return f"{found.folded} folded, {found.remaining} remain"


class DeadLetterSkip(ActionView):
    """Skip a dead letter: the projection leaves the event out."""

    right = f"{_ENGINE}skip_dead_letters"
    body = LetterAction

    def act(self, body: LetterAction, actor: str, *, name: str, event_id: UUID) -> str:
        dead_letter_operations.skip(name, event_id, actor=actor, reason=body.reason)
        return "skipped"


class DeadLetterRestoration(ActionView):
    """Restore a skipped event: a rebuild folds it again."""

    right = f"{_ENGINE}skip_dead_letters"

    def act(self, body: OperatorReason, actor: str, *, name: str, event_id: UUID) -> str:
        return f"rebuild {dead_letter_operations.restore(name, event_id, actor=actor, reason=body.reason).pk}"


class DeadLetterCorrection(ActionView):
    """Correct a dead letter: those of `fields` that differ are what the projection reads from now on."""

    right = f"{_ENGINE}correct_dead_letters"
    body = LetterAction

    def act(self, body: LetterAction, actor: str, *, name: str, event_id: UUID) -> str:
        row = dead_letter_operations.correct(name, event_id, body.fields, actor=actor, reason=body.reason)
        return "holds" if row.approved_at else "waits for a second person"


class _CauseView(RequestView):
    body = CauseAction
    state = DeadLetterJobState
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"POST": DeadLetterJobState}
    verb: ClassVar[Verb]

    def act(self, body: CauseAction, actor: str, *, name: str) -> DeadLetterJob:
        return dead_letter_operations.act_on_cause(name, body.cause, self.verb, actor=actor, reason=body.reason)


class CauseRetry(_CauseView):
    """Retry all dead letters of a cause: a job, which a worker carries out."""

    right = f"{_ENGINE}retry_dead_letters"
    verb = Verb.RETRY


class CauseSkip(_CauseView):
    """Skip all dead letters of a cause: a job, which a worker carries out."""

    right = f"{_ENGINE}skip_dead_letters"
    verb = Verb.SKIP


class DeadLetterJobs(RowView):
    """One retry or skip of all dead letters of a cause."""

    right = f"{_ENGINE}view_deadletterjob"
    model, state = DeadLetterJob, DeadLetterJobState
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"GET": DeadLetterJobState}


class RetryJobCancellation(ActionView):
    """End a retry of all dead letters of a cause; what it has done stays."""

    right = f"{_ENGINE}retry_dead_letters"
    verb: ClassVar[Verb] = Verb.RETRY

    def act(self, body: OperatorReason, actor: str, *, job_id: int) -> str:
        job = find_row(DeadLetterJob, pk=job_id)
        if job.verb != self.verb:
            raise ProjectionError(f"job {job_id} is a {job.verb}", job=job_id)
        dead_letter_operations.cancel_job(job, actor=actor)
        return "cancelled"


class SkipJobCancellation(RetryJobCancellation):
    """End a skip of all dead letters of a cause; what it has done stays."""

    right = f"{_ENGINE}skip_dead_letters"
    verb = Verb.SKIP


class UnreadableRecords(ListView):
    """List the records of the log that are no events and that nobody has acknowledged, without their bytes."""

    right = f"{_ENGINE}view_unreadablerecord"
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"GET": UnreadableRecordStates}

    def results(self, request: Request) -> list[Any]:
        rows = unreadable_records.open_records().order_by("-pk")[:_LISTED]
        return [fields_of(row, UnreadableRecordState, cause=row.fingerprint) for row in rows]


class UnreadableRecordRetry(ActionView):
    """Read a record again: one that is an event by now is no longer listed."""

    right = f"{_ENGINE}retry_dead_letters"

    def act(self, body: OperatorReason, actor: str, *, record_id: int) -> str:
        verdict = unreadable_records.retry(find_row(UnreadableRecord, pk=record_id), actor=actor)
        return f"it is {verdict.text}" if verdict.is_readable else f"it cannot be read: {verdict.text}"


class UnreadableRecordSkip(ActionView):
    """Acknowledge a record: it stays on the topic, and nobody speaks of it any more."""

    right = f"{_ENGINE}skip_dead_letters"

    def act(self, body: OperatorReason, actor: str, *, record_id: int) -> str:
        unreadable_records.skip(find_row(UnreadableRecord, pk=record_id), actor=actor, reason=body.reason)
        return "acknowledged"


class UnreadableCauseRetry(ActionView):
    """Read all records of a cause again."""

    right = f"{_ENGINE}retry_dead_letters"
    body = CauseAction

    def act(self, body: CauseAction, actor: str) -> str:
        readable, others = unreadable_records.retry_cause(body.cause, actor=actor)
        return f"{readable} are events by now, {others} cannot be read"


class UnreadableCauseSkip(ActionView):
    """Acknowledge all records of a cause."""

    right = f"{_ENGINE}skip_dead_letters"
    body = CauseAction

    def act(self, body: CauseAction, actor: str) -> str:
        return f"{unreadable_records.skip_cause(body.cause, actor=actor, reason=body.reason)} acknowledged"


class Corrections(ListView):
    """List corrections, the newest first, without the values."""

    right = f"{_ENGINE}view_eventcorrection"
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"GET": CorrectionStates}

    def results(self, request: Request) -> list[Any]:
        return [fields_of(row, CorrectionState) for row in EventCorrection.objects.order_by("-pk")[:_LISTED]]


class CorrectionApproval(ActionView):
    """Approve a correction that somebody else has made."""

    right = f"{_ENGINE}approve_corrections"

    def act(self, body: OperatorReason, actor: str, *, correction_id: int) -> str:
        dead_letter_operations.approve(find_row(EventCorrection, pk=correction_id), actor=actor)
        return "holds"


class CorrectionWithdrawal(ActionView):
    """Withdraw or reject a correction: the projection reads the event itself."""

    right = f"{_ENGINE}correct_dead_letters"

    def act(self, body: OperatorReason, actor: str, *, correction_id: int) -> str:
        row = find_row(EventCorrection, pk=correction_id)
        job = dead_letter_operations.withdraw(row, actor=actor, reason=body.reason)
        return f"rebuild {job.pk}" if job else "withdrawn"
