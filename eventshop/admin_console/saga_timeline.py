"""A saga's story as people read it: what it heard, what it did about that, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.urls import reverse
from django.utils.safestring import SafeString

from eventshop.admin_console.event_detail import event_url
from eventshop.admin_console.formatting import moment_html
from eventshop.admin_console.timeline import summarise_payload
from eventshop.eventstore.models import StoredEvent
from eventshop.sagas.models import Saga, InboxMessage, SagaStep, Timer

#: Entries on one page; a saga that has more of them is no ordinary one, and its page says so.
MAX_ENTRIES: Final = 300
What: Final = InboxMessage.Kind

_KIND_LABELS: Final = {
    What.EVENT: "Heard",
    What.REFUSAL: "Refused",
    What.ANSWER: "Answered",
    What.TIMER: "Time came",
    What.FAILURE: "Gave up",
    What.RETRY: "Retry asked",
    What.COMPENSATE: "Compensation asked",
    What.RESOLVE: "Marked resolved",
}
_TONES: Final = {
    What.REFUSAL: "warn",
    What.FAILURE: "bad",
    SagaStep.State.ACCEPTED: "good",
    SagaStep.State.ANSWERED: "good",
    SagaStep.State.REFUSED: "warn",
    SagaStep.State.FAILED: "bad",
    SagaStep.State.GIVEN_UP: "warn",
    InboxMessage.State.DEFERRED: "bad",
    InboxMessage.State.SKIPPED: "warn",
}


class SagaStepRow(NamedTuple):
    """A command or effect, and what came of it."""

    step: SagaStep
    words: str
    url: str
    tone: str
    took: str
    when: str | SafeString


class SagaTimelineEntry(NamedTuple):
    """Something the saga heard, and what it did about it."""

    heard: InboxMessage
    label: str
    tone: str
    state_tone: str
    words: str
    url: str
    by: str
    when: str | SafeString
    after: str
    did: list[SagaStepRow]


def load_timeline(saga: Saga) -> list[SagaTimelineEntry]:
    """The story from the beginning; three queries, however long it is."""
    heard = list(InboxMessage.objects.filter(saga_id=saga.pk).order_by("heard_at", "pk")[:MAX_ENTRIES])
    steps = list(SagaStep.objects.filter(saga_id=saga.pk).order_by("number")[:MAX_ENTRIES])
    events = {event.position: event for event in _load_events(it.position for it in heard)}
    told: list[SagaTimelineEntry] = []
    for it in heard:
        did = [_step_row(step) for step in steps if step.cause_id == it.cause_id]
        told.append(_timeline_entry(it, events.get(it.position or 0), told[-1].heard.heard_at if told else None, did))
    return told


def pending_timers(saga: Saga) -> list[tuple[str, str | SafeString]]:
    """The times it waits for, soonest first."""
    timers = Timer.objects.filter(saga_id=saga.pk, fired_at=None).order_by("due_at")
    return [(timer.name, moment_html(timer.due_at)) for timer in timers]


def _timeline_entry(
    it: InboxMessage, event: StoredEvent | None, before: datetime | None, did: list[SagaStepRow]
) -> SagaTimelineEntry:
    return SagaTimelineEntry(
        heard=it,
        label=_KIND_LABELS[InboxMessage.Kind(it.what)],
        tone=_TONES.get(InboxMessage.Kind(it.what), ""),
        state_tone=_TONES.get(InboxMessage.State(it.state), ""),
        words=summarise_payload(event.payload) if event else summarise_message(it.payload),
        url=event_url(event.position) if event else "",
        by=it.actor or (event.actor if event else ""),
        when=moment_html(event.recorded_at if event else it.heard_at),
        after=format_duration(it.heard_at - before) if before else "",
        did=did,
    )


def _step_row(step: SagaStep) -> SagaStepRow:
    url = ""
    if step.state == SagaStep.State.ACCEPTED:
        url = reverse("admin:store_storedreceipt_change", args=(step.pk,))
    took = format_duration(step.answered_at - step.made_at) if step.answered_at else ""
    return SagaStepRow(
        step,
        summarise_payload(step.payload),
        url,
        _TONES.get(SagaStep.State(step.state), ""),
        took,
        moment_html(step.made_at),
    )


def _load_events(positions: Iterable[int | None]) -> Iterable[StoredEvent]:
    return StoredEvent.objects.filter(position__in={position for position in positions if position is not None})


def summarise_message(payload: str) -> str:
    """A reason or an answer; an error is text of its own."""
    try:
        fields: Any = json.loads(payload) if payload else {}
    except ValueError:
        return payload
    return summarise_payload(payload) if isinstance(fields, dict) else payload


def format_duration(duration: timedelta) -> str:
    """How long, in one unit: "3 ms", "1.2 s", "4 min", "2 h", "3 d"."""
    seconds = max(0.0, duration.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def saga_url(saga_id: UUID) -> str:
    return reverse("admin:process_saga_change", args=(saga_id,))
