"""Find orders, customers and products by what another system calls them."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet

from projections.models import ExternalId

#: More rows than one identifier has in real life.
MAX_FOUND: Final = 100


def find_subjects(kind: ExternalId.Kind, text: str) -> list[str]:
    """The subjects with this identifier, in any case: `value` of any source, or `source:value`."""
    source, colon, value = text.lower().partition(":")
    wanted = Q(search_value=text.lower())
    if colon and value:
        wanted |= Q(source=source, search_value=value)
    return list(_rows(kind).filter(wanted).values_list("subject_id", flat=True)[:MAX_FOUND])


def find_by_source(kind: ExternalId.Kind, source: str, value: str) -> list[str]:
    """The subjects with this identifier, in any case, in this one source."""
    rows = _rows(kind).filter(source=source.lower(), search_value=value.lower())
    return list(rows.values_list("subject_id", flat=True)[:MAX_FOUND])


def find_ids(kind: ExternalId.Kind, text: str) -> list[UUID]:
    """As `find_subjects`, for orders and customers."""
    return [UUID(subject) for subject in find_subjects(kind, text)]


def external_ids_of(kind: ExternalId.Kind, subject_id: UUID | str) -> list[str]:
    """The identifiers of one order, customer or product, as `source:value`."""
    rows = _rows(kind).filter(subject_id=str(subject_id)).order_by("source", "value")
    return [str(row) for row in rows[:MAX_FOUND]]


def _rows(kind: ExternalId.Kind) -> QuerySet[ExternalId]:
    return ExternalId.objects.filter(kind=kind).exclude(value="")
