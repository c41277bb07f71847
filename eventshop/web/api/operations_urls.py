"""URLs of the operators' part of the API."""

from __future__ import annotations

from typing import Final

from django.urls import path

from eventshop.web.api import dead_letter_views as letters
from eventshop.web.api import operations_views as operations
from eventshop.web.api import operator_views as operators
from eventshop.web.api import replay_views as replays

_ROOT: Final = "api/v1/operations/"

urlpatterns = [
    path(f"{_ROOT}projections", operations.Projections.as_view(), name="operations-projections"),
    path(f"{_ROOT}projections/<str:name>/pause", operations.ProjectionPause.as_view(), name="operations-pause"),
    path(f"{_ROOT}projections/<str:name>/resume", operations.ProjectionResumption.as_view(), name="operations-resume"),
    path(
        f"{_ROOT}projections/<str:name>/rebuilds",
        operations.ProjectionRebuilds.as_view(),
        name="operations-projection-rebuilds",
    ),
    path(f"{_ROOT}projections/<str:name>/checks", replays.RowChecks.as_view(), name="operations-row-checks"),
    path(f"{_ROOT}projections/<str:name>/dry-runs", replays.DryRuns.as_view(), name="operations-dry-runs"),
    path(
        f"{_ROOT}projections/<str:name>/point-in-time-queries",
        replays.PointInTimeQueries.as_view(),
        name="operations-point-in-time-queries",
    ),
    path(
        f"{_ROOT}projections/<str:name>/republications",
        replays.Republications.as_view(),
        name="operations-republications",
    ),
    path(f"{_ROOT}rebuilds", operations.Rebuilds.as_view(), name="operations-rebuilds"),
    path(f"{_ROOT}rebuilds/<int:rebuild_id>", operations.RebuildResource.as_view(), name="operations-rebuild"),
    path(
        f"{_ROOT}rebuilds/<int:rebuild_id>/<str:verb>",
        operations.RebuildAction.as_view(),
        name="operations-rebuild-action",
    ),
    path(f"{_ROOT}replays/<int:replay_id>", replays.ReplayResource.as_view(), name="operations-replay"),
    path(
        f"{_ROOT}replays/<int:replay_id>/cancel", replays.ReplayCancellation.as_view(), name="operations-replay-cancel"
    ),
    path(
        f"{_ROOT}dead-letters/<str:name>/<uuid:event_id>/retry",
        letters.DeadLetterRetry.as_view(),
        name="operations-dead-letter-retry",
    ),
    path(
        f"{_ROOT}dead-letters/<str:name>/<uuid:event_id>/skip",
        letters.DeadLetterSkip.as_view(),
        name="operations-dead-letter-skip",
    ),
    path(
        f"{_ROOT}dead-letters/<str:name>/<uuid:event_id>/restore",
        letters.DeadLetterRestoration.as_view(),
        name="operations-dead-letter-restore",
    ),
    path(
        f"{_ROOT}dead-letters/<str:name>/<uuid:event_id>/correct",
        letters.DeadLetterCorrection.as_view(),
        name="operations-dead-letter-correct",
    ),
    path(f"{_ROOT}dead-letters/<str:name>/retry-cause", letters.CauseRetry.as_view(), name="operations-cause-retry"),
    path(f"{_ROOT}dead-letters/<str:name>/skip-cause", letters.CauseSkip.as_view(), name="operations-cause-skip"),
    path(f"{_ROOT}dead-letter-jobs/<int:job_id>", letters.DeadLetterJobs.as_view(), name="operations-dead-letter-job"),
    path(
        f"{_ROOT}dead-letter-jobs/<int:job_id>/cancel-retry",
        letters.RetryJobCancellation.as_view(),
        name="operations-dead-letter-job-cancel-retry",
    ),
    path(
        f"{_ROOT}dead-letter-jobs/<int:job_id>/cancel-skip",
        letters.SkipJobCancellation.as_view(),
        name="operations-dead-letter-job-cancel-skip",
    ),
    path(f"{_ROOT}unreadable-records", letters.UnreadableRecords.as_view(), name="operations-unreadable-records"),
    path(
        f"{_ROOT}unreadable-records/retry-cause",
        letters.UnreadableCauseRetry.as_view(),
        name="operations-unreadable-cause-retry",
    ),
    path(
        f"{_ROOT}unreadable-records/skip-cause",
        letters.UnreadableCauseSkip.as_view(),
        name="operations-unreadable-cause-skip",
    ),
    path(
        f"{_ROOT}unreadable-records/<int:record_id>/retry",
        letters.UnreadableRecordRetry.as_view(),
        name="operations-unreadable-record-retry",
    ),
    path(
        f"{_ROOT}unreadable-records/<int:record_id>/skip",
        letters.UnreadableRecordSkip.as_view(),
        name="operations-unreadable-record-skip",
    ),
    path(f"{_ROOT}corrections", letters.Corrections.as_view(), name="operations-corrections"),
    path(
        f"{_ROOT}corrections/<int:correction_id>/approve",
        letters.CorrectionApproval.as_view(),
        name="operations-correction-approve",
    ),
    path(
        f"{_ROOT}corrections/<int:correction_id>/withdraw",
        letters.CorrectionWithdrawal.as_view(),
        name="operations-correction-withdraw",
    ),
    path(f"{_ROOT}jobs", operators.Jobs.as_view(), name="operations-jobs"),
    path(f"{_ROOT}periodic-jobs", operators.PeriodicJobs.as_view(), name="operations-periodic-jobs"),
    path(
        f"{_ROOT}periodic-jobs/<str:name>/run", operators.PeriodicJobRun.as_view(), name="operations-periodic-job-run"
    ),
    path(f"{_ROOT}attention", operators.Attention.as_view(), name="operations-attention"),
    path(
        f"{_ROOT}attention/<int:item_id>/acknowledge",
        operators.AttentionAcknowledgement.as_view(),
        name="operations-attention-acknowledge",
    ),
    path(
        f"{_ROOT}attention/<int:item_id>/snooze",
        operators.AttentionSnooze.as_view(),
        name="operations-attention-snooze",
    ),
    path(
        f"{_ROOT}attention/<int:item_id>/assign",
        operators.AttentionAssignment.as_view(),
        name="operations-attention-assign",
    ),
    path(f"{_ROOT}saga-groups", operators.SagaGroupList.as_view(), name="operations-saga-groups"),
    path(f"{_ROOT}saga-groups/retry", operators.SagaGroupRetry.as_view(), name="operations-saga-group-retry"),
    path(
        f"{_ROOT}saga-groups/retry-now", operators.SagaGroupRetryNow.as_view(), name="operations-saga-group-retry-now"
    ),
    path(
        f"{_ROOT}saga-groups/compensate",
        operators.SagaGroupCompensation.as_view(),
        name="operations-saga-group-compensate",
    ),
    path(f"{_ROOT}saga-groups/resolve", operators.SagaGroupResolution.as_view(), name="operations-saga-group-resolve"),
    path(f"{_ROOT}sagas/<uuid:saga_id>/retry", operators.SagaRetry.as_view(), name="operations-saga-retry"),
    path(f"{_ROOT}sagas/<uuid:saga_id>/retry-now", operators.SagaRetryNow.as_view(), name="operations-saga-retry-now"),
    path(
        f"{_ROOT}sagas/<uuid:saga_id>/compensate",
        operators.SagaCompensation.as_view(),
        name="operations-saga-compensate",
    ),
    path(f"{_ROOT}sagas/<uuid:saga_id>/resolve", operators.SagaResolution.as_view(), name="operations-saga-resolve"),
]
