"""The spans in a file that processes with TRACES_FILE have written."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple


class Span(NamedTuple):
    """A finished span; ids are hexadecimal."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    links: tuple[str, ...]
    attributes: dict[str, Any]
    status: dict[str, str]


def read_spans(file: Path) -> list[Span]:
    """The spans of all complete lines."""
    text = file.read_text() if file.exists() else ""
    return [_span(json.loads(line)) for line in text[: text.rfind("\n") + 1].splitlines()]


def connected_to(span_id: str, spans: Iterable[Span]) -> list[Span]:
    """All spans that a span leads to: its children, those that link to it, and theirs."""
    found, left = {span_id}, list(spans)
    reached: list[Span] = []
    while more := [span for span in left if found & {span.parent_id, *span.links}]:
        reached += more
        found |= {span.span_id for span in more}
        left = [span for span in left if span not in more]
    return reached


def _span(line: dict[str, Any]) -> Span:
    context = line["context"]
    links = tuple(link["context"]["span_id"].removeprefix("0x") for link in line["links"])
    return Span(
        line["name"],
        context["trace_id"].removeprefix("0x"),
        context["span_id"].removeprefix("0x"),
        (line["parent_id"] or "").removeprefix("0x"),
        links,
        line["attributes"],
        line["status"],
    )
