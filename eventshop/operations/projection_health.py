"""Health checks of the projections and their publisher, for `/readyz`."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db.models.functions import Now

from eventshop.eventstore.open_appends import describe_open_appends
from eventshop.operations.health_checks import ComponentHealth, relay_leader, stopped_reason
from eventshop.projections import dead_letters, outbox
from eventshop.projections.models import Checkpoint, OutboxRecord, Worker
from eventshop.projections.outbox_reader import OUTBOX_FENCE

#: Waiting records are counted up to this number; the check reports more as "over" it.
COUNT_LIMIT: Final = 10_000
#: A projection that no worker has polled for this long counts as not running.
UNATTENDED_AFTER: Final = timedelta(seconds=30)


def check_publisher() -> ComponentHealth:
    """Whether a publisher leads the outbox (changed rows, dead letters), and how many records wait."""
    if not outbox.is_enabled():
        return ComponentHealth("publisher", True, "not needed")
    from eventshop.messaging.kafka import topics

    if reason := stopped_reason(topics.outbox_positions_topic()):
        return ComponentHealth("publisher", False, f"stopped: {reason}")
    leader, _ = relay_leader(topics.outbox_positions_topic())
    waiting = OutboxRecord.objects.all()[: COUNT_LIMIT + 1].count()
    waiting_text = f"over {COUNT_LIMIT:,}" if waiting > COUNT_LIMIT else f"{waiting:,}"
    held_up = describe_open_appends(OUTBOX_FENCE)
    detail = f"{leader or 'nobody'} leads, {waiting_text} records wait" + (f". {held_up}" if held_up else "")
    return ComponentHealth("publisher", bool(leader) and not held_up, detail)


def check_projections() -> ComponentHealth:
    """Whether workers run every projection. The admin and `projections_status` show the lag of each."""
    workers = Worker.objects.filter(seen_at__gt=Now() - UNATTENDED_AFTER).count()
    unattended = sorted(
        set(
            Checkpoint.objects.exclude(projection__endswith=":rebuild")
            .exclude(polled_at__gt=Now() - UNATTENDED_AFTER)
            .filter(paused=False)
            .values_list("projection", flat=True)
        )
    )
    awaited = ", ".join(dead_letters.awaited_schemas())
    detail = f"{workers} workers" + (f"; nobody runs {', '.join(unattended)}" if unattended else "")
    detail += f"; some events wait for a release with {awaited}" if awaited else ""
    return ComponentHealth("projections", bool(workers) and not unattended, detail)
