"""Building the tree: a fixed number of queries, then everything is hung under what caused it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.urls import reverse

from eventshop.admin_console.event_detail import event_url
from eventshop.admin_console.registry import rows_touched
from eventshop.admin_console.saga_timeline import saga_url
from eventshop.admin_console.timeline import words
from eventshop.admin_console.trace.node import Node
from eventshop.eventstore.models import StoredEvent, StoredReceipt
from eventshop.operations.models import WebRequest
from eventshop.sagas.models import Saga, SagaInput, SagaStep

#: Events in one tree; the rest of a longer story is found through its events.
MOST: Final = 500
#: What lies deeper begins a tree of its own.
DEEPEST: Final = 60


class Tree(NamedTuple):
    """The stories of some correlations. `cut`: there are more events than it shows."""

    roots: list[Node]
    events: int
    cut: bool


def tree_of(correlation_ids: Sequence[UUID]) -> Tree:
    events = list(StoredEvent.objects.filter(correlation_id__in=correlation_ids).order_by("position")[: MOST + 1])
    telling = _Telling(correlation_ids, events[:MOST])
    return Tree(telling.roots(), len(events[:MOST]), len(events) > MOST)


class _Telling:
    """Everything the tree is made of, and what of it has its place already."""

    def __init__(self, correlation_ids: Sequence[UUID], events: Sequence[StoredEvent]) -> None:
        self.events = events
        self.by_command: dict[UUID, list[StoredEvent]] = defaultdict(list)
        for event in events:
            self.by_command[event.command_id].append(event)
        self.receipts = StoredReceipt.objects.in_bulk(list(self.by_command))
        self.sagas = {saga.pk: saga for saga in Saga.objects.filter(correlation_id__in=correlation_ids)[:MOST]}
        steps = list(SagaStep.objects.filter(saga_id__in=self.sagas).order_by("number")[: 2 * MOST])
        self.steps = {step.pk: step for step in steps}
        self.steps_of = _grouped(((step.saga_id, step.cause_id), step) for step in steps)
        self.inputs = list(SagaInput.objects.filter(saga_id__in=self.sagas).order_by("heard_at", "pk")[: 2 * MOST])
        self.inputs_of = _grouped((it.cause_id, it) for it in self.inputs)
        self.requests = WebRequest.objects.in_bulk(_request_ids(events))
        self.rows = rows_touched(events)
        causes = _causes([event for event in events if event.command_id not in self.steps], events)
        self.caused_by = _grouped((cause, command) for command, cause in causes.items())
        self.placed: set[Any] = set()
        self.heard_by: dict[UUID, list[Node]] = defaultdict(list)
        self.effects: dict[tuple[UUID, str], Node] = {}

    def roots(self) -> list[Node]:
        follows = {command for commands in self.caused_by.values() for command in commands} | set(self.steps)
        first = [self.command(command) for command in self.by_command if command not in follows]
        self._place_the_rest_of_sagas()
        # What hangs together with nothing: its cause is in another store, or too deep.
        rest = [self.command(command) for command in self.by_command if command not in self.placed]
        return self._under_requests([*first, *rest])

    def command(self, command_id: UUID, depth: int = 0) -> Node:
        self.placed.add(command_id)
        events, receipt = self.by_command.get(command_id, []), self.receipts.get(command_id)
        step = self.steps.get(command_id)
        node = Node("command", _name(receipt, step), str(command_id))
        if receipt is not None:
            node.at, node.detail = receipt.recorded_at, f"by {receipt.actor}"
            node.url = reverse("admin:store_storedreceipt_change", args=(command_id,))
        if step is not None:
            node.at = node.at or step.answered_at or step.made_at
            node.state = "" if step.state == SagaStep.State.ACCEPTED else step.state
            node.detail = step.answer if step.state in (SagaStep.State.REFUSED, SagaStep.State.FAILED) else node.detail
        node.children = [self.event(event, depth + 1) for event in events if event.event_id not in self.placed]
        node.children += self.heard(command_id, depth + 1)
        return node

    def event(self, event: StoredEvent, depth: int) -> Node:
        self.placed.add(event.event_id)
        node = Node("event", event.event_type, str(event.event_id), event.recorded_at, detail=words(event.payload))
        node.state = f"version {event.version} of {event.aggregate_type}"
        node.url = event_url(event.position)
        node.children = [
            Node("row", row.text, state="" if row.reached else "not there yet", url=row.url)
            for row in self.rows.get(event.position, [])
        ]
        if depth < DEEPEST:
            node.children += self.heard(event.event_id, depth + 1)
            node.children += [self.command(command, depth + 1) for command in self.caused_by.get(event.event_id, [])]
        return node

    def heard(self, cause_id: UUID, depth: int) -> list[Node]:
        """What sagas heard of something, and what they did about it."""
        return [self._input(it, depth) for it in self.inputs_of.get(cause_id, []) if it.pk not in self.placed]

    def _input(self, it: SagaInput, depth: int) -> Node:
        self.placed.add(it.pk)
        saga = self.sagas[it.saga_id]
        node = Node("saga", f"{saga.kind}: {it.what} {it.name}", str(saga.pk), it.handled_at or it.heard_at)
        node.state = "" if it.state == SagaInput.State.HANDLED else it.state
        node.detail = ", ".join(filter(None, (_plain(it.payload), f"by {it.actor}" if it.actor else "")))
        node.url = saga_url(saga.pk)
        steps = self.steps_of.get((it.saga_id, it.cause_id), []) if depth < DEEPEST else []
        node.children = [self._step(step, depth + 1) for step in steps if step.pk not in self.placed]
        self.heard_by[it.saga_id].append(node)
        return node

    def _step(self, step: SagaStep, depth: int) -> Node:
        if step.what == SagaStep.What.COMMAND:
            return self.command(step.pk, depth)
        self.placed.add(step.pk)
        node = Node("effect", step.name, str(step.pk), step.made_at, state=step.state, url=saga_url(step.saga_id))
        node.detail = words(step.payload)
        self.effects[step.saga_id, step.name] = node
        node.children = self.heard(step.pk, depth + 1)
        return node

    def _place_the_rest_of_sagas(self) -> None:
        """Failures under their effect; times that came and wishes of people behind what the saga had heard last."""
        for it in self.inputs:
            if it.pk in self.placed:
                continue
            earlier = [node for node in self.heard_by[it.saga_id] if node.at and node.at <= it.heard_at]
            before = max(earlier, key=lambda node: node.at or it.heard_at, default=None)
            if it.what == SagaInput.What.FAILURE:
                before = self.effects.get((it.saga_id, it.name), before)
            node = self._input(it, 0)
            if before is not None:
                before.children.append(node)

    def _under_requests(self, commands: Iterable[Node]) -> list[Node]:
        found: dict[str, Node] = {}
        roots: list[Node] = []
        for node in commands:
            request_id = self._request_of(node)
            if request_id not in found:
                root = self._request(request_id) if request_id else node
                roots.append(root)
                if request_id:
                    found[request_id] = root
            if request_id:
                found[request_id].children.append(node)
        return roots

    def _request_of(self, node: Node) -> str:
        events = self.by_command.get(UUID(node.identity), [])
        return str(_metadata(events[0]).get("request_id", "")) if events else ""

    def _request(self, request_id: str) -> Node:
        node = Node("request", "request", request_id, state="not kept")
        kept = self.requests.get(UUID(request_id))
        if kept is not None:
            node.name, node.state = f"{kept.method} {kept.route}", f"status {kept.status}"
            node.at, node.detail = kept.began_at, f"took {kept.took_ms} ms"
        return node


def _causes(wanted: Sequence[StoredEvent], events: Sequence[StoredEvent]) -> dict[UUID, UUID]:
    """The event that each command follows from, as the events tell it themselves.

    What followed from an effect's answer, and whose saga's steps were removed since, stands behind the event before it.
    """
    ids = {event.event_id for event in events}
    before = {event.event_id: earlier for earlier, event in pairwise(events)}
    causes: dict[UUID, UUID] = {}
    for event in wanted:
        earlier = before.get(event.event_id)
        if event.causation_id in ids:
            causes.setdefault(event.command_id, event.causation_id)
        elif event.saga_id is not None and earlier is not None and earlier.command_id != event.command_id:
            causes.setdefault(event.command_id, earlier.event_id)
    return causes


def _grouped(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return groups


def _request_ids(events: Iterable[StoredEvent]) -> set[UUID]:
    ids: set[UUID] = set()
    for event in events:
        try:
            ids.add(UUID(_metadata(event)["request_id"]))
        except (KeyError, ValueError, TypeError, AttributeError):
            continue
    return ids


def _metadata(event: StoredEvent) -> dict[str, Any]:
    if event.metadata == "{}":
        return {}
    try:
        found = json.loads(event.metadata)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _name(receipt: StoredReceipt | None, step: SagaStep | None) -> str:
    return receipt.command_type if receipt else step.name if step else "command"


def _plain(payload: str) -> str:
    """A reason or an answer in words; an error is text of its own."""
    return words(payload) if payload.startswith("{") else payload
