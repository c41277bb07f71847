"""Reads a whole file of exchange rates with rows such as EUR,USD,1.0832,2026-11-30T15:00:00Z."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final

from eventshop.cli.importing.csv_rows import quote_cell
from eventshop.cli.importing.errors import BrokenRow
from eventshop.cli.importing.file_format import FileLayout
from eventshop.cli.importing.whole_file import take_rows
from eventshop.core.decimal_text import parse_decimal
from eventshop.core.errors import InvalidMessage
from trading.application.exchange_rates import RateKey
from trading.domain.value_objects import check_positive
from trading.importers.cells import parse_time

LAYOUT: Final = FileLayout(columns=("base", "quote", "rate", "at"), decimals=("rate",))
_CURRENCY: Final = re.compile(r"[A-Z]{3,5}")


class RateFile:
    """The rates of a file, how many rows repeat another one exactly, and the errors of its rows with file and line."""

    def __init__(self, file: Path) -> None:
        """Raises `UnreadableFile`."""
        self.rates: dict[RateKey, Decimal] = {}
        self.lines: dict[RateKey, int] = {}
        self.repeated = 0
        self.errors = take_rows(file, LAYOUT, self._take)

    def _take(self, line: int, cells: Mapping[str, str]) -> None:
        key, rate = _parse_key(cells), _parse_rate(cells["rate"])
        if self.rates.setdefault(key, rate) != rate:
            raise InvalidMessage(f"{key} has the rate {self.rates[key]} in line {self.lines[key]} already, not {rate}")
        if self.lines.setdefault(key, line) != line:
            self.repeated += 1


def _parse_key(cells: Mapping[str, str]) -> RateKey:
    for column in ("base", "quote"):
        if not _CURRENCY.fullmatch(cells[column]):
            raise BrokenRow(f"{column} {quote_cell(cells[column])} is not a currency of three to five capital letters")
    if cells["base"] == cells["quote"]:
        raise InvalidMessage(f"base and quote are both {cells['base']}")
    return RateKey(cells["base"], cells["quote"], parse_time(cells, "at"))


def _parse_rate(cell: str) -> Decimal:
    try:
        rate = parse_decimal(cell)
        check_positive("rate", rate)
    except InvalidMessage as error:
        raise BrokenRow(f"rate {quote_cell(cell)}: {error.message}") from None
    return rate
