"""One job of each kind, in several states, for pages that list them."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.utils import timezone

from eventshop.core.messages import new_id
from eventshop.operations.models import PeriodicWork
from eventshop.privacy.models import Erasure, RetentionRun
from eventshop.projections import replays
from eventshop.projections.models import Rebuild
from eventshop.projections.rebuild import request_rebuild

PERSON: Final = UUID("0197d3f0-0000-7000-8000-00005eed0001")


def make_jobs() -> Rebuild:
    """Returns the rebuild, which is a quarter done after ten seconds."""
    now = timezone.now()
    job = request_rebuild("order-summary", requested_by="ada", reason="a new column")
    began = {"state": Rebuild.State.RUNNING, "started_at": now - timedelta(seconds=10)}
    Rebuild.objects.filter(pk=job.pk).update(**began, position=1_000, head=4_000, rate=100)
    replays.request_dry_run("daily-sales", requested_by="ada")
    replays.request_check("order-summary", key="1", requested_by="ada")
    Erasure.objects.create(subject=PERSON, step="scan", problem="KeyError")
    RetentionRun.objects.create(
        run_id=new_id(),
        about="orders",
        years=10,
        ended_before=now - timedelta(days=3_650),
        began_at=now - timedelta(hours=2),
        finished_at=now - timedelta(hours=1),
        erased=3,
    )
    PeriodicWork.objects.create(
        name="verify-log", due_at=now, started_at=now, finished_at=now, failed=True, said="Kafka does not answer"
    )
    PeriodicWork.objects.create(name="sign-roots", due_at=now)
    return job
