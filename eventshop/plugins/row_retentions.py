"""Which rows of the library's and of Django's own tables are deleted, and when."""

from __future__ import annotations

from typing import Final

from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef, Q

from eventshop.messaging.models import AcknowledgedRecord, KnownTopic
from eventshop.operations.access_log import cutoff
from eventshop.operations.attention.models import AttentionItem
from eventshop.operations.history.models import RequestTally
from eventshop.operations.models import AccessRecord, Measurement, OperatorAction, WebRequest
from eventshop.operations.row_retention import Retention
from eventshop.projections.models import DeadLetterJob, ProjectedEffect, Rebuild, Replay, UnreadableRecord
from eventshop.sagas.models import Timer
from eventshop.web.models import ApiToken, AttemptCount, ImportJob, WebhookDelivery

#: Its records are still there, and verify_log would fail for them again.
_topic_exists: Final = Exists(KnownTopic.objects.filter(topic_id=OuterRef("topic_id")))

RETENTIONS: Final = (
    Retention(name="remove-expired-sessions", model=Session, since="expire_date"),
    Retention(name="remove-forgotten-attempts", model=AttemptCount, since="forgotten_at"),
    Retention(name="remove-old-requests", model=WebRequest, since="answered_at", setting="WEB_REQUESTS_KEPT_DAYS"),
    Retention(
        name="remove-old-accesses",
        model=AccessRecord,
        since="at",
        setting="ACCESS_LOG_KEPT_DAYS",
        allow_deletion=cutoff.allow_deletion,
    ),
    Retention(name="remove-old-admin-log", model=LogEntry, since="action_time", setting="ADMIN_LOG_KEPT_DAYS"),
    Retention(name="remove-old-operator-actions", model=OperatorAction, since="at", setting="ADMIN_LOG_KEPT_DAYS"),
    Retention(
        name="remove-minutes-of-history",
        model=Measurement,
        since="at",
        setting="HISTORY_MINUTES_KEPT_DAYS",
        condition=Q(span=Measurement.Span.MINUTE),
    ),
    Retention(name="remove-request-tallies", model=RequestTally, since="at", setting="HISTORY_MINUTES_KEPT_DAYS"),
    Retention(
        name="remove-hours-of-history",
        model=Measurement,
        since="at",
        setting="HISTORY_HOURS_KEPT_DAYS",
        condition=Q(span=Measurement.Span.HOUR),
    ),
    Retention(
        name="remove-old-attention-items", model=AttentionItem, since="cleared_at", setting="ATTENTION_KEPT_DAYS"
    ),
    Retention(
        name="remove-old-imports",
        model=ImportJob,
        since="finished_at",
        setting="IMPORTS_KEPT_DAYS",
        condition=~Q(state__in=ImportJob.OPEN),
    ),
    Retention(name="remove-expired-tokens", model=ApiToken, since="expires_at", setting="API_TOKENS_KEPT_DAYS"),
    Retention(
        name="remove-old-webhook-deliveries",
        model=WebhookDelivery,
        since="due_at",  # of a finished one: when the last attempt ended
        setting="WEBHOOK_DELIVERIES_KEPT_DAYS",
        condition=Q(state__in=(WebhookDelivery.State.DELIVERED, WebhookDelivery.State.FAILED)),
    ),
    Retention(
        name="remove-old-effects",
        model=ProjectedEffect,
        since="finished_at",
        setting="PROJECTED_EFFECTS_KEPT_DAYS",
        condition=Q(finished_at__isnull=False),
    ),
    Retention(name="remove-fired-timers", model=Timer, since="fired_at", setting="SAGA_DETAILS_KEPT_DAYS"),
    Retention(
        name="remove-old-rebuilds",
        model=Rebuild,
        since="finished_at",
        setting="REBUILDS_KEPT_DAYS",
        condition=Q(state__in=(Rebuild.State.DONE, Rebuild.State.FAILED, Rebuild.State.CANCELLED)),
    ),
    Retention(
        name="remove-old-dead-letter-jobs",
        model=DeadLetterJob,
        since="finished_at",
        setting="REBUILDS_KEPT_DAYS",
        condition=~Q(state__in=DeadLetterJob.OPEN),
    ),
    Retention(
        name="remove-old-replays",
        model=Replay,
        since="finished_at",
        setting="REPLAYS_KEPT_DAYS",
        condition=~Q(state__in=Replay.OPEN),
        batch=1,  # each may have a hundred thousand rows
    ),
    Retention(
        name="remove-old-unreadable-records",
        model=UnreadableRecord,
        since="found_at",
        setting="UNREADABLE_RECORDS_KEPT_DAYS",
    ),
    Retention(
        name="remove-acknowledgements-of-gone-topics",
        model=AcknowledgedRecord,
        since="acknowledged_at",
        setting="UNREADABLE_RECORDS_KEPT_DAYS",
        condition=~Q(_topic_exists),
    ),
)
