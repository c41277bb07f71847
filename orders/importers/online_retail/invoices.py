"""Invoices: the units of the file. Sales, cancellations and stock adjustments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final, TypeAlias

from eventshop.cli.importing.importer import FileUnit
from eventshop.cli.importing.unit_index import Placement, Suspect, UnitIndex
from orders.importers.online_retail.parsing import BAD_DEBT, INVOICE, Row


class Kind(StrEnum):
    SALE = "sale"
    CANCELLATION = "cancellation"
    ADJUSTMENT = "adjustment"


_KINDS: Final = list(Kind)
InvoiceOrder: TypeAlias = tuple[datetime, str]
#: What looks like the number of an invoice in a broken cell.
_LIKE_A_NUMBER: Final = re.compile(r"C?[0-9]{1,20}", re.IGNORECASE)


class Invoice(FileUnit[Row], frozen=True, kw_only=True):
    """The rows of one invoice, wherever they are in the file. Its time is the earliest of its rows.

    One that is in the store only has no rows, and line 0.
    """

    number: str
    kind: Kind
    at: datetime
    customer: str
    country: str
    line: int = 0
    last_line: int = 0

    @property
    def is_in_one_piece(self) -> bool:
        """Whether its rows follow each other in the file."""
        return self.last_line - self.line + 1 == len(self.rows)


def place_row(row: Row) -> Placement:
    """A number with both sold and missing units gives two invoices."""
    return Placement(_unit_key(row.invoice, kind_of(row)), row.line, row.at, (row.customer, row.country))


def order_of(number: str, at: datetime) -> InvoiceOrder:
    """The order of invoices: by time, cancellations last in a minute, then by number, whatever file they are in."""
    return at, _start_of_key(number)


def suspect_invoices(cells: list[str], *, misshapen: bool) -> tuple[list[Suspect], bool]:
    """The invoices that a broken row may belong to: by what can be read of its number, else those around it."""
    if INVOICE.fullmatch(number := cells[0]):
        return _invoices_of(number), misshapen  # a misshapen line may be two rows, or begin in the row before
    if BAD_DEBT.fullmatch(number):
        return [], misshapen  # an invoice of its own, which is not imported
    parts = [part.upper() for part in _LIKE_A_NUMBER.findall(number)]
    whole = [suspect for part in parts for suspect in _invoices_of(part)]
    cut = [Suspect(start, mark="*") for part in parts if len(part) > 3 for start in _starts_of_longer(part)]
    return whole + cut, True


def read_invoices(index: UnitIndex[Row], kind: Kind | None = None) -> Iterator[Invoice]:
    """The invoices of a file in their order, or those of one kind.

    One that a broken row may belong to is held back as a whole: until it is mended, its total would be wrong.
    """
    for key in index.units():
        if kind and not key.unit.endswith(kind):
            continue
        rows = tuple(index.rows(key.unit))
        number = rows[0].invoice
        yield Invoice(
            name=f"invoice {number}",
            rows=rows,
            held_back=f"held back with the rest of invoice {number}, see line {key.cause}" if key.cause else "",
            repeats=_count_repeats(rows),
            number=number,
            kind=kind_of(rows[0]),
            at=min(row.at for row in rows),
            customer=rows[0].customer,
            country=rows[0].country,
            line=rows[0].line,
            last_line=rows[-1].line,
        )


def _count_repeats(rows: Sequence[Row]) -> int:
    """How many rows of an invoice repeat another one exactly."""
    if len({(row.sku, row.quantity) for row in rows}) == len(rows):
        return 0  # so it is nearly always, and this is quicker
    contents = {(row.sku, row.description, row.quantity, row.at, row.price) for row in rows}
    return len(rows) - len(contents)


def kind_of(row: Row) -> Kind:
    if row.invoice.startswith("C"):
        return Kind.CANCELLATION
    return Kind.SALE if row.quantity > 0 else Kind.ADJUSTMENT


@lru_cache(maxsize=1_000)
def _unit_key(number: str, kind: Kind) -> str:
    return f"{_start_of_key(number)}/{_KINDS.index(kind)}{kind}"


def _start_of_key(number: str) -> str:
    """Sorts as numbers do, and cancellations after others."""
    digits = number.removeprefix("C")
    return f"{int(digits is not number)}{len(digits):02}{digits}"


def _invoices_of(number: str) -> list[Suspect]:
    return [Suspect(_unit_key(number, kind)) for kind in Kind]


def _starts_of_longer(number: str) -> list[str]:
    """The starts of the keys of numbers that have up to two digits more than this one, which was cut off."""
    start = _start_of_key(number)
    return [f"{start[0]}{int(start[1:3]) + more:02}{start[3:]}" for more in (1, 2)]
