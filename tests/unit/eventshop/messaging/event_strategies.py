"""Any event that its type allows, for hypothesis: what the fields' own types and limits say, nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from eventshop.core.messages import Event
from eventshop.core.money import Money
from eventshop.core.personal_fields import Redacted, personal_fields
from eventshop.core.serialization import encode_canonical
from eventshop.eventstore.command_receipts import ReceiptRow
from eventshop.eventstore.records import EventRow
from trading.domain.events import Contract, Fee, FeeTerms, Fill, Instrument, OpenOrder, TickBand

#: What JSON and SHA-256 over UTF-8 can carry: everything but surrogates and control characters.
CHARACTERS = st.characters(exclude_categories=["Cs", "Cc"])


def events(kind: type[Event]) -> st.SearchStrategy[Event]:
    return _struct(inspect.type_info(kind))


@st.composite
def payloads(draw: st.DrawFn, kind: type[Event]) -> str:
    """What the store would hold of such an event: any text in place of what is personal."""
    payload, _ = encode_canonical(draw(events(kind)))
    if not (personal := personal_fields(kind)):
        return payload.decode()
    texts = {field.name: draw(st.text(CHARACTERS, max_size=50)) for field in personal}
    return msgspec.json.encode({**msgspec.json.decode(payload), **texts}).decode()


def moneys() -> st.SearchStrategy[Money]:
    amounts = st.decimals(Decimal(-(10**14)), Decimal(10**14), allow_nan=False, allow_infinity=False, places=8)
    whole = st.integers(-(10**14), 10**14).map(Decimal)
    zeros = st.sampled_from(["0.00", "3.390", "1E+3"]).map(Decimal)
    return st.builds(Money, amounts | whole | zeros, st.sampled_from(["GBP", "EUR", "JPY"]))


def rows(payload: str) -> st.SearchStrategy[EventRow]:
    """A row of any envelope around a stored OrderShipped."""
    moments = st.datetimes(timezones=st.just(UTC))
    numbers = st.integers(1, 2**31 - 1)
    actors = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=200)
    return st.builds(
        EventRow,
        st.uuids(),
        st.uuids(),
        st.just("Order"),
        st.just("OrderShipped"),
        numbers,
        st.just(1),
        moments,
        moments,
        st.uuids(),
        st.none() | st.uuids(),
        st.none() | st.uuids(),
        numbers,
        st.uuids(),
        actors,
        st.sampled_from(["{}", '{"traceparent":"00-ab"}', '{"a":"é\\n"}']),
        st.just(payload),
        st.binary(min_size=32, max_size=32),
        st.integers(1, 2**63 - 1),
    )


def receipts(row: EventRow) -> st.SearchStrategy[ReceiptRow]:
    """A receipt whose last event is this row."""
    return st.builds(
        ReceiptRow,
        st.just(row.command_id),
        st.sampled_from(["ShipOrder", "append"]),
        st.binary(max_size=64),
        st.just(row.aggregate_id),
        st.just(row.aggregate_type),
        st.just(row.version),
        st.integers(1, 1_000),
        st.just(row.position),
        st.just(row.actor),
        st.just(row.recorded_at),
    )


def _struct(kind: inspect.Type) -> st.SearchStrategy[Any]:
    assert isinstance(kind, inspect.StructType)
    if kind.cls in (Contract, Fee, FeeTerms, Fill, Instrument, OpenOrder, TickBand):  # what a venue can quote
        fields = {field.name: _quoted(field.type) for field in kind.fields}
        if kind.cls is Instrument:  # bands ascend, and only what is not inverse has negative prices
            fields["tick_table"] = fields["tick_table"].map(_ascending)
            fields["negative_prices"] = st.just(False)
        if kind.cls is FeeTerms:
            fields["rate"] = st.decimals(-1, 1, places=8)
        return st.builds(kind.cls, **fields)
    return st.builds(kind.cls, **{field.name: _of(field.type) for field in kind.fields})


def _ascending(bands: tuple[TickBand, ...]) -> tuple[TickBand, ...]:
    return tuple(sorted({band.from_price: band for band in bands}.values(), key=lambda band: band.from_price))


def _quoted(kind: inspect.Type) -> st.SearchStrategy[Any]:
    if isinstance(kind, inspect.DecimalType):
        return st.decimals(Decimal("1E-8"), Decimal("9999999999"), places=8)
    return _of(kind)


def _of(kind: inspect.Type) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.StructType(cls=cls) if cls is Money:
            return moneys()
        case inspect.StructType():
            return _struct(kind)
        case inspect.UnionType(types=types) if any(getattr(inner, "cls", None) is Redacted for inner in types):
            return st.builds(Redacted, st.sampled_from(["contact", "delivery"]))
        case inspect.UnionType(types=types):
            return st.one_of(*map(_of, types))
        case inspect.VarTupleType(item_type=item, min_length=low):
            return st.lists(_of(item), min_size=low or 0, max_size=4).map(tuple)
        case inspect.DictType(value_type=value):
            return st.dictionaries(st.text(CHARACTERS, max_size=9), _of(value), max_size=4)
        case inspect.UUIDType():
            return st.uuids()
        case inspect.DecimalType():
            return st.decimals(allow_nan=False, allow_infinity=False)
        case inspect.DateTimeType():
            # Those of trades are checked, so that they can be told in any zone.
            return st.datetimes(datetime(1900, 1, 1), datetime(2999, 12, 31), timezones=st.just(UTC))
        case inspect.DateType():
            return st.dates()
        case inspect.StrType(pattern=str() as pattern, max_length=high) if not pattern.startswith("^[^"):
            # A pattern of its own, not that of any line of text.
            return st.from_regex(pattern).filter(lambda text: len(text) <= (high or 100))
        case inspect.StrType(min_length=low, max_length=high):
            return st.text(CHARACTERS, min_size=low or 0, max_size=min(high or 50, 50))
        case inspect.IntType(ge=low, le=high):
            return st.integers(-(2**63) if low is None else low, 2**63 - 1 if high is None else high)
        case inspect.EnumType(cls=cls):
            return st.sampled_from(list(cls))
        case inspect.LiteralType(values=values):
            return st.sampled_from(list(values))
        case inspect.BoolType():
            return st.booleans()
        case inspect.NoneType():
            return st.none()
        case _:
            raise AssertionError(f"{type(kind).__name__}: say here which values it has")
