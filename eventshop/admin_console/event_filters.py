"""Filters of events by who, correlation and payload; those without an index read a bounded part of the events."""

from __future__ import annotations

import re
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from eventshop.admin_console.search import parse_uuid
from eventshop.admin_console.unfold_adapter import TextFilter
from eventshop.eventstore.payload_indexes import PayloadIndex, payload_index_of
from eventshop.operations.staff_actors import actors_named

#: Positions that one page reads where no index helps; a link leads to the ones before.
SCANNED_POSITIONS: Final = 100_000
#: `field=value`, with the name of a field as payloads have it.
_FIELD_VALUE: Final = re.compile(r"([a-z][a-z0-9_]*)=(.+)", re.DOTALL)


class CorrelationFilter(TextFilter):
    title = "correlation id"
    parameter_name = "correlation"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        text = str(self.value() or "").strip()
        return queryset.filter(correlation_id=parse_uuid(text)) if text else queryset


class ActorFilter(TextFilter):
    """The user name of staff, present or former, a customer's id, or the name of a component."""

    title = "who (user name, customer id, component)"
    parameter_name = "actor"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        text = str(self.value() or "").strip().replace("\x00", "")
        return queryset.filter(actor__in=actors_named(text)) if text else queryset


class PayloadFilter(TextFilter):
    """A text in the payload, or `field=value`, of which some fields have an index.

    Personal values are stored encrypted, so they are not found.
    """

    title = "payload (text, or field=value)"
    parameter_name = "payload"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        text = str(self.value() or "").strip().replace("\x00", "")
        index, value = _indexed(text)
        if index is not None:
            return index.filter(queryset, value)
        return queryset.filter(payload_condition(text)) if text else queryset


def _indexed(text: str) -> tuple[PayloadIndex | None, str]:
    """The index that serves `field=value`, if the field has one."""
    matched = _FIELD_VALUE.fullmatch(text)
    return (payload_index_of(matched[1]), matched[2]) if matched else (None, "")


def payload_condition(text: str) -> Q:
    """The condition for a text in the stored JSON, which has no spaces between its tokens."""
    matched = _FIELD_VALUE.fullmatch(text)
    if matched is None:
        return Q(payload__icontains=text)
    name, value = matched.groups()
    start = f'"{name}":'
    ends = [f"{start}{value}{end}" for end in ",}"] if re.fullmatch(r"-?\d+|true|false|null", value) else []
    condition = Q(payload__contains=f'{start}"{value}"')
    for end in ends:
        condition |= Q(payload__contains=end)
    return condition


def is_scan(parameters: Any) -> bool:
    """Whether a list with these parameters is filtered by what has no index."""
    if any(parameters.get(name) for name in ("correlation", "q")):
        return False
    payload = str(parameters.get(PayloadFilter.parameter_name) or "").strip()
    if payload:
        return _indexed(payload)[0] is None
    return bool(parameters.get(ActorFilter.parameter_name))
