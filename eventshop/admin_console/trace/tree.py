"""Builds the trace of correlations: a fixed number of queries, then each node is placed under its cause."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.urls import reverse

from eventshop.admin_console.event_detail import event_url
from eventshop.admin_console.registry import find_changed_rows
from eventshop.admin_console.saga_timeline import saga_url
from eventshop.admin_console.timeline import summarise_payload
from eventshop.admin_console.trace.node import Node
from eventshop.eventstore.models import StoredEvent, StoredReceipt
from eventshop.operations.models import WebRequest
from eventshop.sagas.models import InboxMessage, Saga, SagaStep

#: Events in one tree; the event list shows the others of a longer correlation.
MAX_EVENTS: Final = 250
#: The greatest depth of a tree; a node below it becomes the root of another tree.
MAX_DEPTH: Final = 60


class TraceTree(NamedTuple):
    """The trace of some correlations. `more_after`: the position after which there are more events; 0 if none."""

    roots: list[Node]
    events: int
    more_after: int


def build_tree(correlation_ids: Sequence[UUID], *, after: int = 0) -> TraceTree:
    """The trace of these correlations, at most `MAX_EVENTS` events after a position."""
    events = StoredEvent.objects.filter(correlation_id__in=correlation_ids, position__gt=after).order_by("position")
    shown = list(events[: MAX_EVENTS + 1])
    more_after = shown[MAX_EVENTS - 1].position if len(shown) > MAX_EVENTS else 0
    shown = shown[:MAX_EVENTS]
    return TraceTree(_TreeBuilder(correlation_ids, shown).build_roots(), len(shown), more_after)


class _TreeBuilder:
    """The loaded records, and the ids of those that already have a node."""

    def __init__(self, correlation_ids: Sequence[UUID], events: Sequence[StoredEvent]) -> None:
        self.events = events
        self.events_by_command: dict[UUID, list[StoredEvent]] = defaultdict(list)
        for event in events:
            self.events_by_command[event.command_id].append(event)
        self.receipts = StoredReceipt.objects.in_bulk(list(self.events_by_command))
        self.sagas = {saga.pk: saga for saga in Saga.objects.filter(correlation_id__in=correlation_ids)[:MAX_EVENTS]}
        steps = list(SagaStep.objects.filter(saga_id__in=self.sagas).order_by("number")[: 2 * MAX_EVENTS])
        self.steps = {step.pk: step for step in steps}
        self.steps_by_cause = _group(((step.saga_id, step.cause_id), step) for step in steps)
        self.messages = list(
            InboxMessage.objects.filter(saga_id__in=self.sagas).order_by("heard_at", "pk")[: 2 * MAX_EVENTS]
        )
        self.messages_by_cause = _group((message.cause_id, message) for message in self.messages)
        self.requests = WebRequest.objects.in_bulk(_request_ids(events))
        self.changed_rows = find_changed_rows(events)
        causes = _find_causes([event for event in events if event.command_id not in self.steps], events)
        self.commands_by_cause = _group((cause, command) for command, cause in causes.items())
        self.placed_ids: set[Any] = set()
        self.message_nodes: dict[UUID, list[Node]] = defaultdict(list)
        self.effect_nodes: dict[tuple[UUID, str], Node] = {}

    def build_roots(self) -> list[Node]:
        caused = {command for commands in self.commands_by_cause.values() for command in commands} | set(self.steps)
        first = [self._command_node(command) for command in self.events_by_command if command not in caused]
        self._attach_remaining_messages()
        # Commands without a place: the cause is in another store, or too deep.
        rest = [self._command_node(command) for command in self.events_by_command if command not in self.placed_ids]
        return self._group_by_request([*first, *rest])

    def _command_node(self, command_id: UUID, depth: int = 0) -> Node:
        self.placed_ids.add(command_id)
        events, receipt = self.events_by_command.get(command_id, []), self.receipts.get(command_id)
        step = self.steps.get(command_id)
        node = Node("command", _command_name(receipt, step), str(command_id))
        if receipt is not None:
            node.time, node.detail = receipt.recorded_at, f"by {receipt.actor}"
            node.url = reverse("admin:store_storedreceipt_change", args=(command_id,))
        if step is not None:
            node.time = node.time or step.answered_at or step.made_at
            node.state = "" if step.state == SagaStep.State.ACCEPTED else step.state
            node.detail = step.answer if step.state in (SagaStep.State.REFUSED, SagaStep.State.FAILED) else node.detail
        node.children = [
            self._event_node(event, depth + 1) for event in events if event.event_id not in self.placed_ids
        ]
        node.children += self._message_nodes(command_id, depth + 1)
        return node

    def _event_node(self, event: StoredEvent, depth: int) -> Node:
        self.placed_ids.add(event.event_id)
        node = Node(
            "event", event.event_type, str(event.event_id), event.recorded_at, detail=summarise_payload(event.payload)
        )
        node.state = f"version {event.version} of {event.aggregate_type}"
        node.url = event_url(event.position)
        node.children = [
            Node("row", row.text, state="" if row.is_projected else "not projected yet", url=row.url)
            for row in self.changed_rows.get(event.position, [])
        ]
        if depth < MAX_DEPTH:
            node.children += self._message_nodes(event.event_id, depth + 1)
            node.children += [
                self._command_node(command, depth + 1) for command in self.commands_by_cause.get(event.event_id, [])
            ]
        return node

    def _message_nodes(self, cause_id: UUID, depth: int) -> list[Node]:
        """The inbox messages with this cause, with the steps that followed from them."""
        return [
            self._message_node(message, depth)
            for message in self.messages_by_cause.get(cause_id, [])
            if message.pk not in self.placed_ids
        ]

    def _message_node(self, message: InboxMessage, depth: int) -> Node:
        self.placed_ids.add(message.pk)
        saga = self.sagas[message.saga_id]
        node = Node(
            "saga", f"{saga.kind}: {message.what} {message.name}", str(saga.pk), message.handled_at or message.heard_at
        )
        node.state = "" if message.state == InboxMessage.State.PROCESSED else message.get_state_display().lower()
        node.detail = ", ".join(
            filter(None, (_summarise_message(message.payload), f"by {message.actor}" if message.actor else ""))
        )
        node.url = saga_url(saga.pk)
        steps = self.steps_by_cause.get((message.saga_id, message.cause_id), []) if depth < MAX_DEPTH else []
        node.children = [self._step_node(step, depth + 1) for step in steps if step.pk not in self.placed_ids]
        self.message_nodes[message.saga_id].append(node)
        return node

    def _step_node(self, step: SagaStep, depth: int) -> Node:
        if step.what == SagaStep.Kind.COMMAND:
            return self._command_node(step.pk, depth)
        self.placed_ids.add(step.pk)
        node = Node("effect", step.name, str(step.pk), step.made_at, state=step.state, url=saga_url(step.saga_id))
        node.detail = summarise_payload(step.payload)
        self.effect_nodes[step.saga_id, step.name] = node
        node.children = self._message_nodes(step.pk, depth + 1)
        return node

    def _attach_remaining_messages(self) -> None:
        """Place failures under their effect; timers and operator requests after the saga's previous message."""
        for message in self.messages:
            if message.pk in self.placed_ids:
                continue
            earlier = [
                node for node in self.message_nodes[message.saga_id] if node.time and node.time <= message.heard_at
            ]
            parent = max(earlier, key=lambda node: node.time or message.heard_at, default=None)
            if message.what == InboxMessage.Kind.FAILURE:
                parent = self.effect_nodes.get((message.saga_id, message.name), parent)
            node = self._message_node(message, 0)
            if parent is not None:
                parent.children.append(node)

    def _group_by_request(self, commands: Iterable[Node]) -> list[Node]:
        """Root nodes: commands under the web request that sent them, where there was one."""
        request_nodes: dict[str, Node] = {}
        roots: list[Node] = []
        for node in commands:
            request_id = self._request_id_of(node)
            if request_id not in request_nodes:
                root = self._request_node(request_id) if request_id else node
                roots.append(root)
                if request_id:
                    request_nodes[request_id] = root
            if request_id:
                request_nodes[request_id].children.append(node)
        return roots

    def _request_id_of(self, node: Node) -> str:
        events = self.events_by_command.get(UUID(node.identity), [])
        return str(_decode_metadata(events[0]).get("request_id", "")) if events else ""

    def _request_node(self, request_id: str) -> Node:
        node = Node("request", "request", request_id, state="not recorded")
        web_request = self.requests.get(UUID(request_id))
        if web_request is not None:
            node.name, node.state = f"{web_request.method} {web_request.route}", f"status {web_request.status}"
            node.time, node.detail = web_request.began_at, f"took {web_request.took_ms} ms"
        return node


def _find_causes(effects: Sequence[StoredEvent], events: Sequence[StoredEvent]) -> dict[UUID, UUID]:
    """The event that caused each command, from the causation ids of the command's events.

    A command that followed from an effect's answer has no event as its cause. Once retention has removed the saga's
    steps, the event before it is used instead.
    """
    ids = {event.event_id for event in events}
    before = {event.event_id: earlier for earlier, event in pairwise(events)}
    causes: dict[UUID, UUID] = {}
    for event in effects:
        earlier = before.get(event.event_id)
        if event.causation_id in ids:
            causes.setdefault(event.command_id, event.causation_id)
        elif event.saga_id is not None and earlier is not None and earlier.command_id != event.command_id:
            causes.setdefault(event.command_id, earlier.event_id)
    return causes


def _group(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return groups


def _request_ids(events: Iterable[StoredEvent]) -> set[UUID]:
    ids: set[UUID] = set()
    for event in events:
        try:
            ids.add(UUID(_decode_metadata(event)["request_id"]))
        except (KeyError, ValueError, TypeError, AttributeError):
            continue
    return ids


def _decode_metadata(event: StoredEvent) -> dict[str, Any]:
    if event.metadata == "{}":
        return {}
    try:
        metadata = json.loads(event.metadata)
    except ValueError:
        return {}
    return metadata if isinstance(metadata, dict) else {}


def _command_name(receipt: StoredReceipt | None, step: SagaStep | None) -> str:
    return receipt.command_type if receipt else step.name if step else "command"


def _summarise_message(payload: str) -> str:
    """A reason or an answer in words; an error is text of its own."""
    return summarise_payload(payload) if payload.startswith("{") else payload
