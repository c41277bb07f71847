"""The flow of events for the dashboard: append, publish, fold, each with its rate and how far it is behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final, NamedTuple

from django.conf import settings

from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.tail_reader import newest_position
from eventshop.operations.health_checks import measure_relay
from eventshop.operations.objectives import Progress, State, default_objective, objective_of, worst_state
from eventshop.operations.projection_health import ProjectionProgress, measure_projections
from eventshop.operations.saga_health import measure_router
from eventshop.runtime.database_clock import database_now

#: The newest events that are looked at for the rate, and those of how many seconds count.
NEWEST: Final = 2_000
WINDOW_S: Final = 60.0


class FlowStage(NamedTuple):
    """One stage: what has come that far, what waits before it and since when, and events per second at present."""

    name: str
    text: str
    state: State
    behind: int = 0
    behind_s: float = 0.0
    rate: float | None = None  # of the events of the last minute; None where the stage is not needed


class EventFlow(NamedTuple):
    """All stages in their order, and the projections that are not up to date."""

    stages: Sequence[FlowStage]
    late: Sequence[ProjectionProgress]
    projections: int


def read_flow() -> EventFlow:
    """Measure the flow in a fixed number of statements, without asking Kafka."""
    projections = measure_projections()
    recent, rate_s = _recent_events()

    def rate(behind: int) -> float:
        return max(0, recent - behind) / rate_s

    late = [one for one in projections if one.progress.behind or one.progress.set_aside or one.is_unattended]
    worst = max((one.progress for one in projections), key=lambda one: (one.behind_s, one.behind), default=Progress())
    router = measure_router()
    stages = [
        FlowStage("Appended", f"position {newest_position():,}", State.OK, rate=recent / rate_s),
        _publish_stage(rate),
        FlowStage(
            "Folded",
            f"{len(projections) - len(late)} of {len(projections)} projections up to date",
            worst_state(_state(one) for one in projections),
            worst.behind,
            worst.behind_s,
            rate(worst.behind),
        ),
        FlowStage(
            "Routed to sagas",
            "by the event router",
            router.state(default_objective(), now=database_now()),
            router.behind,
            router.behind_s,
            rate(router.behind),
        ),
    ]
    return EventFlow(stages, late, len(projections))


def _publish_stage(rate: Callable[[int], float]) -> FlowStage:
    if not settings.KAFKA_OPTIONS:
        return FlowStage("Published", "not needed: readers take events from the table", State.OK)
    from eventshop.messaging.kafka import topics

    progress = measure_relay(topics.event_store_topic())
    state = progress.state(default_objective(), now=database_now())
    return FlowStage(
        "Published", "to Kafka by the relay", state, progress.behind, progress.behind_s, rate(progress.behind)
    )


def _state(projection: ProjectionProgress) -> State:
    if projection.is_paused:
        return State.OK
    if projection.is_unattended:
        return State.FAILING
    return projection.progress.state(objective_of(projection.name), now=database_now())


def _recent_events() -> tuple[int, float]:
    """How many of the newest events are of the window, and its length in seconds: shorter if all of them are."""
    now = database_now()
    times = StoredEvent.objects.order_by("-position").values_list("recorded_at", flat=True)[:NEWEST]
    recent = [time for time in times if now - time < timedelta(seconds=WINDOW_S)]
    return len(recent), max(1.0, (now - recent[-1]).total_seconds()) if len(recent) == NEWEST else WINDOW_S
