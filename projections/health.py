"""Whether the read models are kept up, for `/readyz`."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.utils import timezone

from eventshop.ops.health import Part
from projections.engine.tables import Checkpoint, Worker

#: A projection that no worker has looked at for this long is not being run.
UNATTENDED_AFTER: Final = timedelta(seconds=30)


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
