"""Fold a batch in memory: plan which rows its events change, then apply the events to the loaded rows in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar
from uuid import UUID

import msgspec

from eventshop.core.errors import EventShopError, InvalidMessage
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.message_registry import registry as default_registry
from eventshop.core.messages import Event, Meta, RecordedEvent
from eventshop.core.personal_fields import PersonalField, Redacted
from eventshop.eventstore.field_encryption import FieldContext, load_keys_of_events
from eventshop.eventstore.records import field_context, to_meta
from eventshop.messaging.event_log import DeliveredEvent
from eventshop.projections.projection import Key, Projection, as_key_list
from eventshop.projections.read_model import ReadModel
from eventshop.projections.row_details import DetailStore

R = TypeVar("R", bound=ReadModel)


class DerivedColumnsFailed(ValueError):
    """The derived columns of a row cannot be computed. `primary_key` names the row, `__cause__` is what was raised."""

    def __init__(self, primary_key: Any, error: Exception) -> None:
        super().__init__(f"row {primary_key}: {type(error).__name__}: {error}")
        self.primary_key = primary_key


#: By event: the fields, as JSON values, that a projection reads in place of the event's own.
Corrections: TypeAlias = Mapping[UUID, Mapping[str, Any]]


class RowChange(NamedTuple):
    """One change that one event makes to one row."""

    key: Key
    apply: Callable[[Any, Any, Meta], None]


class DecryptedFields(NamedTuple):
    """The personal data in one event as it was read, and the event's source to read it again after an erasure."""

    subjects: frozenset[UUID]
    words: tuple[str, ...]
    source: DeliveredEvent
    correction: Mapping[str, Any] | None = None


class PlannedEvent(NamedTuple):
    """One event of a batch with the changes it makes, or with the error that prevents reading it."""

    event: Event | None
    meta: Meta
    offset: int
    partition: int
    sequence: int
    changes: Sequence[RowChange]
    error: Exception | None = None
    decrypted: DecryptedFields | None = None  # only of an event with readable personal data


_NO_CHANGES: Final[Sequence[RowChange]] = ()


_NO_CORRECTIONS: Final[Corrections] = {}


def plan_events(
    projection: Projection[R],
    delivered: Iterable[DeliveredEvent],
    registry: MessageRegistry = default_registry,
    corrections: Corrections = _NO_CORRECTIONS,
) -> list[PlannedEvent]:
    """The changes that each delivered event makes. An event that this projection does not handle is not decoded."""
    delivered = list(delivered)
    if len(delivered) > 1:
        load_keys_of_events(registry, _handled_events(projection, delivered, registry))
    return [_plan_event(projection, item, registry, corrections.get(item.row.event_id)) for item in delivered]


def apply_correction(event: Event, changes: Mapping[str, Any]) -> Event:
    """The event with other values in some fields. Raises `InvalidMessage` for values that they cannot have."""
    types = {field.name: field.type for field in msgspec.structs.fields(event)}
    try:
        return msgspec.structs.replace(
            event, **{name: msgspec.convert(value, types[name], str_keys=True) for name, value in changes.items()}
        )
    except (ValueError, TypeError, LookupError, ArithmeticError) as error:
        raise InvalidMessage(f"{type(event).__name__} cannot be corrected so: {error}") from error


def _handled_events(
    projection: Projection[R], delivered: Iterable[DeliveredEvent], registry: MessageRegistry
) -> Iterator[tuple[type[Event], str, FieldContext]]:
    for item in delivered:
        with suppress(EventShopError):  # planning this event raises it again
            if (event_class := item.event_class(registry)) in projection.handlers:
                yield event_class, item.row.payload, field_context(item.row)


def _plan_event(
    projection: Projection[R],
    delivered: DeliveredEvent,
    registry: MessageRegistry,
    correction: Mapping[str, Any] | None = None,
) -> PlannedEvent:
    origin = delivered.offset, delivered.partition, delivered.sequence
    try:
        meta, event_class = delivered.meta(registry), delivered.event_class(registry)
        if event_class not in projection.handlers:
            return PlannedEvent(None, meta, *origin, _NO_CHANGES)
        event = delivered.event(registry)
        if correction is not None:
            event = apply_correction(event, correction)
        personal_fields = registry.personal_fields_of(event_class)
        decrypted = _decrypted_fields(event, personal_fields, delivered, correction) if personal_fields else None
        return PlannedEvent(event, meta, *origin, row_changes(projection, event, meta), None, decrypted)
    except Exception as error:  # whatever a key function or a decoder raises is this event's error, not the batch's
        meta = to_meta(delivered.row._replace(metadata="{}"))  # the metadata may be what cannot be read
        return PlannedEvent(None, meta, *origin, [], error)


def _decrypted_fields(
    event: Event, fields: Iterable[PersonalField], delivered: DeliveredEvent, correction: Mapping[str, Any] | None
) -> DecryptedFields | None:
    values = [(field, value) for field in fields if (value := getattr(event, field.name))]
    values = [(field, value) for field, value in values if not isinstance(value, Redacted)]
    if not values:
        return None
    subjects = frozenset(getattr(event, field.of, None) or delivered.row.aggregate_id for field, _ in values)
    return DecryptedFields(subjects, tuple(str(value) for _, value in values), delivered, correction)


def row_changes(projection: Projection[R], event: Event, meta: Meta) -> list[RowChange]:
    return [
        RowChange(key, handler.change)
        for handler in projection.handlers.get(type(event), ())
        for key in as_key_list(handler.keys(event, meta))
    ]


class Fold(Generic[R]):
    """Rows by primary key, as far as they have been folded. `changed` holds those that must be written.

    Reading either computes the derived columns of the rows that have changed since: once a batch, not once an event.
    Raises `DerivedColumnsFailed` when that fails, whatever the projection's function raises.
    """

    def __init__(self, projection: Projection[R], rows: Mapping[Any, R], details: DetailStore | None = None) -> None:
        self.projection = projection
        self.details = details or DetailStore()
        self._rows = dict(rows)
        self._changed: dict[Any, R] = {}
        self._to_derive: dict[Any, R] = {}

    @property
    def rows(self) -> dict[Any, R]:
        self._derive()
        return self._rows

    @property
    def changed(self) -> dict[Any, R]:
        self._derive()
        return self._changed

    def _derive(self) -> None:
        if self.projection.derive_columns is not None:
            self.details.read({key: self.projection.details_to_read(row) for key, row in self._to_derive.items()})
            for key, row in self._to_derive.items():
                try:
                    self.projection.derive_columns(row, self.details.of(key))
                except Exception as error:  # as changes, it may raise anything
                    raise DerivedColumnsFailed(key, error) from error
            self._to_derive.clear()

    def apply(self, planned: PlannedEvent) -> None:
        """Apply one event to its rows, completely or, when a change raises, not at all."""
        before: list[tuple[Any, R, dict[str, Any] | None]] = []
        try:
            for change in planned.changes:
                key = self.projection.primary_key(change.key)
                row = self._rows.get(key)
                if row is None:
                    row = self._rows[key] = self.projection.new_row(change.key)
                    before.append((key, row, None))
                else:
                    before.append((key, row, row.__dict__.copy()))
                change.apply(row, planned.event, planned.meta)
        except Exception:
            self._undo(before)
            raise
        for key, row, _ in before:
            _set_lineage(row, planned)
            self._changed[key] = self._to_derive[key] = row

    def _undo(self, before: list[tuple[Any, R, dict[str, Any] | None]]) -> None:
        for key, row, values in reversed(before):
            if values is None:
                del self._rows[key]
            else:
                row.__dict__ = values


def _set_lineage(row: ReadModel, planned: PlannedEvent) -> None:
    """Note the newest event in the row. A dead letter that is folded late is not the newest."""
    if row.last_partition == planned.partition and planned.offset < (row.last_offset or 0):
        return
    row.last_event_id = planned.meta.event_id
    row.last_version = planned.meta.version
    row.last_partition = planned.partition
    row.last_offset = planned.offset


def fold(projection: Projection[R], events: Iterable[RecordedEvent[Any]]) -> dict[Any, R]:
    """The rows by primary key after these events, starting from none: what a rebuild would write."""
    folding = Fold(projection, {})
    for item in events:
        changes = row_changes(projection, item.event, item.meta)
        folding.apply(PlannedEvent(item.event, item.meta, item.meta.position, 0, 0, changes))
    return folding.rows
