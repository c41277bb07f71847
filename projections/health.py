"""Whether the read models are kept up, for `/readyz`."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.utils import timezone

from eventshop.operations.health_checks import Part, led
from eventshop.projections import outbox
from eventshop.projections.models import Checkpoint, OutboxRecord, Worker

#: How many waiting records are counted; more are "over" that.
MANY: Final = 10_000
#: A projection that no worker has looked at for this long is not being run.
UNATTENDED_AFTER: Final = timedelta(seconds=30)


def publisher() -> Part:
    """Whether somebody publishes changed rows and dead letters to Kafka, and how many wait for it."""
    if not outbox.wanted():
        return Part("publisher", True, "not needed")
    from eventshop.messaging.kafka import topics

    leader, _ = led(topics.outgoing_positions())
    waiting = OutboxRecord.objects.all()[: MANY + 1].count()
    said = f"over {MANY:,}" if waiting > MANY else f"{waiting:,}"
    return Part("publisher", bool(leader), f"{leader or 'nobody'} leads, {said} records wait")


def projections() -> Part:
    """Whether workers run every projection; how far behind each is stands in the admin and `projections_status`."""
    now = timezone.now()
    workers = Worker.objects.filter(seen_at__gt=now - UNATTENDED_AFTER).count()
    unattended = sorted(
        set(
            Checkpoint.objects.exclude(projection__endswith=":rebuild")
            .exclude(polled_at__gt=now - UNATTENDED_AFTER)
            .filter(paused=False)
            .values_list("projection", flat=True)
        )
    )
    detail = f"{workers} workers" + (f"; nobody runs {', '.join(unattended)}" if unattended else "")
    return Part("projections", bool(workers) and not unattended, detail)
