"""Reads a whole file of terms of fees with rows such as ,XETRA/SAP,0.0005,0,1.5,2026-12-01T00:00:00Z."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final
from uuid import UUID

from eventshop.cli.importing.csv_rows import quote_cell
from eventshop.cli.importing.errors import BrokenRow
from eventshop.cli.importing.file_format import FileLayout
from eventshop.cli.importing.whole_file import take_rows
from eventshop.core.decimal_math import ZERO
from eventshop.core.decimal_text import parse_decimal
from eventshop.core.errors import EventShopError, InvalidMessage
from trading.application.fee_schedules import ScheduleKey, check_scope
from trading.domain.events import FeeTerms
from trading.importers.cells import parse_time

_NUMBERS: Final = ("rate", "per_piece", "minimum")
LAYOUT: Final = FileLayout(columns=("account_id", "instrument", *_NUMBERS, "valid_from"), decimals=_NUMBERS)


class FeeFile:
    """The terms of a file, how many rows repeat another one exactly, and the errors of its rows with file and line."""

    def __init__(self, file: Path) -> None:
        """Raises `UnreadableFile`."""
        self.schedules: dict[ScheduleKey, FeeTerms] = {}
        self.lines: dict[ScheduleKey, int] = {}
        self.repeated = 0
        self.errors = take_rows(file, LAYOUT, self._take)

    def _take(self, line: int, cells: Mapping[str, str]) -> None:
        key = ScheduleKey(_parse_account(cells["account_id"]), cells["instrument"], parse_time(cells, "valid_from"))
        try:
            check_scope(key.account_id, key.instrument)
        except EventShopError as error:
            raise BrokenRow(str(error)) from None
        rate, per_piece, minimum = (_parse_number(cells, column) for column in _NUMBERS)
        terms = FeeTerms(rate, per_piece, minimum)
        if self.schedules.setdefault(key, terms) != terms:
            raise InvalidMessage(f"{key} has other terms in line {self.lines[key]} already")
        if self.lines.setdefault(key, line) != line:
            self.repeated += 1


def _parse_account(cell: str) -> UUID | None:
    try:
        return UUID(cell) if cell else None
    except ValueError:
        raise BrokenRow(f"account_id {quote_cell(cell)} is not the id of an account") from None


def _parse_number(cells: Mapping[str, str], column: str) -> Decimal:
    """An empty cell is 0, but a rate must be there."""
    if not cells[column] and column != "rate":
        return ZERO
    try:
        return parse_decimal(cells[column])
    except InvalidMessage as error:
        raise BrokenRow(f"{column} {quote_cell(cells[column])}: {error.message}") from None
