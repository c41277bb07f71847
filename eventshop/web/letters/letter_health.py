"""The health of the letters: whether they leave when they are due, and which may be lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db.models.functions import Now

from eventshop.operations.health_checks import ComponentHealth, judge_progress, seconds_since
from eventshop.operations.objectives import Objective, Progress
from eventshop.projections.models import ProjectedEffect

#: Letters are counted up to this number.
MAX_COUNTED: Final = 1_000
#: Letters that have failed or were interrupted are reported for so long; staff can send them again.
REPORTED_FOR: Final = timedelta(days=1)
_State = ProjectedEffect.State


def check_letters() -> ComponentHealth:
    """Whether letters are sent when they are due; and those that failed or may be lost, within a day."""
    due = ProjectedEffect.objects.filter(state=_State.WAITING, due_at__lte=Now()).order_by("due_at")
    lost = ProjectedEffect.objects.filter(
        state__in=(_State.FAILED, _State.INTERRUPTED), finished_at__gt=Now() - REPORTED_FOR
    )
    oldest = due.values_list("due_at", flat=True).first()
    waiting = due[:MAX_COUNTED].count() if oldest else 0
    progress = Progress(waiting, seconds_since(oldest), lost[:MAX_COUNTED].count())
    return judge_progress("letters", progress, Objective(settings.HEALTH_LAG_S, MAX_COUNTED))
