"""Health of what waits for its time: timers, effects, erasures, periodic jobs. Late means due, and nobody does it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.db.models import QuerySet
from django.db.models.functions import Now

from eventshop.operations.health_checks import (
    MAX_COUNTED,
    ComponentHealth,
    judge_progress,
    measure_waiting,
    seconds_since,
)
from eventshop.operations.models import PeriodicWork
from eventshop.operations.objectives import Objective, Progress, State, default_objective
from eventshop.privacy.erasure.erasure_job import DONE
from eventshop.privacy.models import Erasure, ErasureFinding
from eventshop.runtime.database_clock import database_now
from eventshop.runtime.leases import is_unleased
from eventshop.sagas.models import SagaStep, Timer
from eventshop.sagas.step_failures import retrying_steps

#: A timer that failed so often, and is due again within RETRIED_WITHIN, counts as set aside.
FAILED_ATTEMPTS: Final = 3
RETRIED_WITHIN: Final = timedelta(hours=1)
#: The beat looks for due jobs every ten seconds, and a job is due as often; one erasure step may take minutes.
JOB_OBJECTIVE: Final = Objective(30)
ERASURE_OBJECTIVE: Final = Objective(600)


def check_timers() -> ComponentHealth:
    """Whether timers fire when they are due."""
    waiting = Timer.objects.filter(fired_at=None)
    failing = waiting.filter(looked_at_from__lte=Now() + RETRIED_WITHIN, attempts__gte=FAILED_ATTEMPTS)
    return judge_progress("timers", measure_due(waiting, failing=failing), default_objective())


def check_effects() -> ComponentHealth:
    """Whether effects of sagas are performed, and succeed."""
    effects = SagaStep.objects.filter(what=SagaStep.Kind.EFFECT)
    failing = retrying_steps().filter(what=SagaStep.Kind.EFFECT)  # not those whose result is still to come
    progress = measure_due(effects.filter(state=SagaStep.State.WAITING), failing=failing)
    return judge_progress("effects", progress, default_objective())


def measure_due(waiting: QuerySet[Any], *, failing: QuerySet[Any]) -> Progress:
    """How much is due that nobody has claimed, since when, and how much fails; three statements."""
    due = waiting.filter(looked_at_from__lte=Now()).order_by("looked_at_from")
    return measure_waiting(due, "looked_at_from", set_aside=failing[:MAX_COUNTED].count())


def measure_erasures() -> Progress:
    """Erasures that are not done, since when the oldest has not moved, and how many stopped or have open findings."""
    open_erasures = Erasure.objects.exclude(step=DONE)
    idle = open_erasures.filter(is_unleased()).order_by("moved_at").values_list("moved_at", flat=True).first()
    stopped = open_erasures.exclude(problem="")[:MAX_COUNTED].count()
    findings = ErasureFinding.objects.filter(state=ErasureFinding.State.OPEN)[:MAX_COUNTED].count()
    return Progress(open_erasures[:MAX_COUNTED].count(), seconds_since(idle), stopped + findings)


def check_erasures() -> ComponentHealth:
    """Whether every erasure gets on; one that stopped, and what a scan found, wait for staff."""
    return judge_progress("erasures", measure_erasures(), ERASURE_OBJECTIVE)


def check_periodic_jobs() -> ComponentHealth:
    """Whether the jobs run when they are due, and succeed: verifications too, whose failure is a finding."""
    late = PeriodicWork.objects.filter(is_unleased(), due_at__lte=Now()).order_by("due_at")
    failed = list(PeriodicWork.objects.filter(failed=True).order_by("name").values_list("name", "said")[:10])
    ran = PeriodicWork.objects.exclude(finished_at=None).order_by("-finished_at").values_list("finished_at", flat=True)
    progress = measure_waiting(late, "due_at", set_aside=len(failed), moved_at=ran.first())
    state = progress.state(JOB_OBJECTIVE, now=database_now())
    texts = [f"{name} failed: {said}" for name, said in failed]
    if progress.behind_s > JOB_OBJECTIVE.lag_s:
        texts.append(f"{progress.behind} jobs are due since {progress.behind_s:,.0f} s: is beat running, and a worker?")
    detail = "; ".join(texts) or "all in time"
    return ComponentHealth("periodic jobs", state is State.OK, detail, state is State.FAILING, progress)
