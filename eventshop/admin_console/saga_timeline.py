"""The timeline of a saga: each inbox message with the commands and effects that followed from it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.urls import reverse
from django.utils.safestring import SafeString

from eventshop.admin_console.event_detail import event_url
from eventshop.admin_console.formatting import datetime_html
from eventshop.admin_console.timeline import summarise_payload
from eventshop.eventstore.models import StoredEvent
from eventshop.sagas.models import InboxMessage, Saga, SagaStep, Timer
from eventshop.sagas.muting import NEVER

#: Entries on one page; the page says when a saga has more.
MAX_ENTRIES: Final = 300
_KIND_LABELS: Final = {
    InboxMessage.Kind.EVENT: "Event",
    InboxMessage.Kind.REFUSAL: "Command refused",
    InboxMessage.Kind.ANSWER: "Effect answered",
    InboxMessage.Kind.TIMER: "Timer fired",
    InboxMessage.Kind.FAILURE: "Step failed",
    InboxMessage.Kind.RETRY: "Retry requested",
    InboxMessage.Kind.COMPENSATE: "Compensation requested",
    InboxMessage.Kind.RESOLVE: "Marked resolved",
    InboxMessage.Kind.LIVE: "Went live",
}
_TONES: Final = {
    InboxMessage.Kind.REFUSAL: "warn",
    InboxMessage.Kind.FAILURE: "bad",
    SagaStep.State.ACCEPTED: "good",
    SagaStep.State.ANSWERED: "good",
    SagaStep.State.REFUSED: "warn",
    SagaStep.State.FAILED: "bad",
    SagaStep.State.GIVEN_UP: "warn",
    InboxMessage.State.DEFERRED: "bad",
    InboxMessage.State.SKIPPED: "warn",
}


class SagaStepRow(NamedTuple):
    """A command or effect with its outcome."""

    step: SagaStep
    summary: str
    url: str
    tone: str
    duration: str
    time: str | SafeString
    next_try: str | SafeString


class SagaTimelineEntry(NamedTuple):
    """A message that the saga received, and the steps that followed from it."""

    message: InboxMessage
    label: str
    tone: str
    state_tone: str
    summary: str
    url: str
    actor: str
    time: str | SafeString
    interval: str
    steps: list[SagaStepRow]


def load_timeline(saga: Saga) -> list[SagaTimelineEntry]:
    """The first `MAX_ENTRIES` entries, oldest first, in three queries."""
    messages = list(InboxMessage.objects.filter(saga_id=saga.pk).order_by("heard_at", "pk")[:MAX_ENTRIES])
    steps = list(SagaStep.objects.filter(saga_id=saga.pk).order_by("number")[:MAX_ENTRIES])
    events = {event.position: event for event in _load_events(message.position for message in messages)}
    entries: list[SagaTimelineEntry] = []
    for message in messages:
        step_rows = [_step_row(step) for step in steps if step.cause_id == message.cause_id]
        previous = entries[-1].message.heard_at if entries else None
        entries.append(_timeline_entry(message, events.get(message.position or 0), previous, step_rows))
    return entries


def pending_timers(saga: Saga) -> list[tuple[str, str | SafeString]]:
    """Name and time of each timer that has not fired, soonest first."""
    timers = Timer.objects.filter(saga_id=saga.pk, fired_at=None).order_by("due_at")
    return [
        (f"{timer.name} (muted)" if timer.looked_at_from == NEVER else timer.name, datetime_html(timer.due_at))
        for timer in timers
    ]


class FailingStep(NamedTuple):
    """A step that fails and is tried again."""

    step: SagaStep
    since: str | SafeString
    next_try: str | SafeString


def failing_step(step: SagaStep) -> FailingStep:
    return FailingStep(step, datetime_html(step.failing_since or step.made_at), datetime_html(step.looked_at_from))


def pending_results(saga: Saga) -> list[tuple[str, str | SafeString]]:
    """Name of each step whose result is still to come, and since when."""
    steps = SagaStep.objects.filter(saga_id=saga.pk, state=SagaStep.State.WAITING).order_by("number")
    return [(step.name, datetime_html(step.made_at)) for step in steps[:MAX_ENTRIES]]


def _timeline_entry(
    message: InboxMessage, event: StoredEvent | None, previous: datetime | None, steps: list[SagaStepRow]
) -> SagaTimelineEntry:
    return SagaTimelineEntry(
        message=message,
        label=_KIND_LABELS[InboxMessage.Kind(message.what)],
        tone=_TONES.get(InboxMessage.Kind(message.what), ""),
        state_tone=_TONES.get(InboxMessage.State(message.state), ""),
        summary=summarise_payload(event.payload) if event else summarise_message(message.payload),
        url=event_url(event.position) if event else "",
        actor=message.actor or (event.actor if event else ""),
        time=datetime_html(event.recorded_at if event else message.heard_at),
        interval=format_duration(message.heard_at - previous) if previous else "",
        steps=steps,
    )


def _step_row(step: SagaStep) -> SagaStepRow:
    url = ""
    if step.state == SagaStep.State.ACCEPTED:
        url = reverse("admin:store_storedreceipt_change", args=(step.pk,))
    duration = format_duration(step.answered_at - step.made_at) if step.answered_at else ""
    return SagaStepRow(
        step,
        summarise_payload(step.payload),
        url,
        _TONES.get(SagaStep.State(step.state), ""),
        duration,
        datetime_html(step.made_at),
        datetime_html(step.looked_at_from) if step.state == SagaStep.State.WAITING and step.attempts else "",
    )


def _load_events(positions: Iterable[int | None]) -> Iterable[StoredEvent]:
    return StoredEvent.objects.filter(position__in={position for position in positions if position is not None})


def summarise_message(payload: str) -> str:
    """The payload of an inbox message in words: a reason or an answer is JSON, an error is plain text."""
    try:
        fields: Any = json.loads(payload) if payload else {}
    except ValueError:
        return payload
    return summarise_payload(payload) if isinstance(fields, dict) else payload


def format_duration(duration: timedelta) -> str:
    """A duration in one unit: "3 ms", "1.2 s", "4 min", "2 h", "3 d"."""
    seconds = max(0.0, duration.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def saga_url(saga_id: UUID) -> str:
    return reverse("admin:process_saga_change", args=(saga_id,))
