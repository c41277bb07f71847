"""The tables whose rows are in the signed roots beside the events: what was accepted, read, done and erased.

A row is a leaf of 48 bytes: its key (16 bytes) and the SHA-256 of its columns. A root has the rows that are new since
the one before it, so the work is proportional to what happened. Rows that are committed late, up to `OVERLAP` after
their time, are found by looking back that far; what a recent root already has is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, TypeAlias
from uuid import UUID

import msgspec
from django.db.models import F, Model, Q, QuerySet

from eventshop.eventstore.models import StoredEvent, StoredReceipt
from eventshop.operations.models import AccessRecord, OperatorAction
from eventshop.privacy.models import Certificate
from eventshop.projections.models import Checkpoint
from eventshop.sagas.models import Saga, SagaStep

LEAF_BYTES: Final = 48
#: How long after its time a row may be committed and still be in a root.
OVERLAP: Final = timedelta(minutes=10)
#: The most rows of one table in one root.
MAX_ROWS: Final = 100_000
#: Keys of one query.
_CHUNK: Final = 500

Rows: TypeAlias = QuerySet[Any]
Leaves: TypeAlias = dict[bytes, bytes]


class Span:
    """What is new: the events after a position up to another, and the rows from a time on; None: from the beginning."""

    def __init__(self, after: int, to: int, since: datetime | None) -> None:
        self.after, self.to, self.since = after, to, since

    def time_condition(self, column: str) -> Q:
        return Q(**{f"{column}__gte": self.since - OVERLAP}) if self.since else Q(**{f"{column}__isnull": False})


@dataclass(frozen=True, kw_only=True)
class SealedTable:
    """One table. `columns` are those that never change once a row is sealed."""

    name: str
    model: type[Model]
    columns: tuple[str, ...]
    #: The column whose order bounds a root, with its values of time or position.
    order: str
    condition: Q = field(default_factory=Q)
    #: The setting with the days after which a retention may delete the rows.
    kept: str = ""

    def new_rows(self, span: Span) -> Rows:
        return self.rows.filter(self.condition, span.time_condition(self.order))

    @property
    def rows(self) -> Rows:
        return self.model._default_manager.order_by(self.order, "pk")

    def new_leaves(self, span: Span, known: Collection[tuple[bytes, bytes]]) -> tuple[Leaves, datetime | None]:
        """The leaves of new rows that are not known, and the time of the last one if there are more than fit."""
        leaves: Leaves = {}
        for row in self.new_rows(span).iterator(chunk_size=_CHUNK):
            leaf = key_of(row.pk), self.hash_row(row)
            if leaf not in known:
                leaves[leaf[0]] = leaf[1]
            if len(leaves) == MAX_ROWS:
                last = getattr(row, self.order)
                return leaves, last if isinstance(last, datetime) else None
        return leaves, None

    def hash_row(self, row: Model) -> bytes:
        return sha256(msgspec.json.encode([_as_text(getattr(row, column)) for column in self.columns])).digest()

    def find_leaves(self, keys: Collection[bytes]) -> Leaves:
        """The leaves of the rows with these keys, as they are now."""
        keys = list(keys)
        is_number = self.model._meta.pk.get_internal_type() == "BigAutoField"
        found: Leaves = {}
        for start in range(0, len(keys), _CHUNK):
            ids = [int.from_bytes(key) if is_number else UUID(bytes=key) for key in keys[start : start + _CHUNK]]
            rows = self.model._default_manager.filter(pk__in=ids)
            found |= {key_of(row.pk): self.hash_row(row) for row in rows}
        return found


class ReceiptTable(SealedTable):
    """The receipts of the commands whose events are in a root: found by those events, as they have no index on time."""

    def new_rows(self, span: Span) -> Rows:
        commands = StoredEvent.objects.filter(position__gt=span.after, position__lte=span.to).order_by()
        return self.rows.filter(command_id__in=commands.values("command_id"))


class StepTable(SealedTable):
    """The finished steps of ended sagas, until the retention has deleted them: found by the saga's index."""

    def new_rows(self, span: Span) -> Rows:
        sagas = Saga.objects.filter(
            Q(swept_at=None) | Q(swept_at__lt=F("moved_at")),
            span.time_condition("moved_at"),
            status__in=(Saga.Status.ENDED, Saga.Status.RESOLVED),
        )
        return self.rows.filter(self.condition, saga_id__in=sagas.order_by().values("pk"))


SEALED_TABLES: Final = (
    ReceiptTable(
        name="receipts",
        model=StoredReceipt,
        columns=tuple(column.attname for column in StoredReceipt._meta.concrete_fields),
        order="position",
    ),
    SealedTable(
        name="accesses",
        model=AccessRecord,
        columns=tuple(column.attname for column in AccessRecord._meta.concrete_fields),
        order="at",
        kept="ACCESS_LOG_KEPT_DAYS",
    ),
    StepTable(
        name="saga steps",
        model=SagaStep,
        columns=(
            *("step_id", "saga_id", "number", "cause_id", "what", "name", "payload", "state"),
            *("aggregate_id", "position", "answer", "made_at", "answered_at"),
        ),
        order="answered_at",
        condition=Q(state__in=(SagaStep.State.ACCEPTED, SagaStep.State.REFUSED, SagaStep.State.ANSWERED)),
        kept="SAGA_DETAILS_KEPT_DAYS",
    ),
    SealedTable(
        name="operator actions",
        model=OperatorAction,
        columns=(
            "id",
            "at",
            "actor",
            "action",
            "target",
            "result",
        ),  # a reason is free text, which an erasure may empty
        order="at",
        kept="ADMIN_LOG_KEPT_DAYS",
    ),
    SealedTable(
        name="erasure certificates",
        model=Certificate,
        columns=("certificate_id", "subject", "issued_at", "body"),
        order="issued_at",
    ),
)


def hash_projection_settings() -> bytes:
    """SHA-256 of which projections there are, at which version, and which are paused. These may change."""
    rows = Checkpoint.objects.order_by("projection", "partition").values_list(
        "projection", "partition", "version", "paused"
    )
    return sha256(msgspec.json.encode([list(row) for row in rows])).digest()


def key_of(pk: Any) -> bytes:
    return pk.bytes if isinstance(pk, UUID) else int(pk).to_bytes(16)


def pack_leaves(leaves: Leaves) -> bytes:
    return b"".join(key + digest for key, digest in sorted(leaves.items()))


def unpack_leaves(packed: bytes) -> Iterator[tuple[bytes, bytes]]:
    for offset in range(0, len(packed), LEAF_BYTES):
        yield packed[offset : offset + 16], packed[offset + 16 : offset + LEAF_BYTES]


def _as_text(value: Any) -> str | None:
    match value:
        case None:
            return None
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case bytes() | memoryview():
            return bytes(value).hex()
        case _:
            return str(value)
