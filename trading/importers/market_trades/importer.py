"""Imports public trades of a venue: asks the store what is there, and sends the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from msgspec import Struct

from eventshop.cli.importing.file_format import FileFormat
from eventshop.cli.importing.importer import CommandToSend, FileImporter, FileUnit, UnitPlan
from eventshop.cli.importing.unit_index import Placement, Suspect, UnitIndex
from eventshop.core.decimal_math import divide
from eventshop.eventstore.command_receipts import Receipt
from eventshop.operations.staff_actors import command_line_actor
from trading.application.instruments import current_listings, save_listings
from trading.domain.commands import ExecuteTrade
from trading.domain.fills import check_fill_times
from trading.domain.instruments import Listing
from trading.importers.market_trades.commands import market_of, open_account, trade_commands
from trading.importers.market_trades.executions import place_row, read_executions, suspect_places
from trading.importers.market_trades.parsing import LAYOUT, Row, parse_row
from trading.importers.market_trades.stored_fills import StoredFills, find_known_markets, load_fills


class InstrumentTotal(Struct):
    trades: int = 0
    volume: Decimal = Decimal(0)
    notional: Decimal = Decimal(0)


class MarketTradesImporter(FileImporter[Row]):
    units_noun = "executions"
    layout = LAYOUT

    def __init__(
        self, listings: Mapping[str, Listing] | None = None, *, reference: Mapping[str, Listing] | None = None
    ) -> None:
        """`reference` are instruments that are added to the table if the file has trades in them."""
        self._known = current_listings() if listings is None else listings
        self._listings = {**(reference or {}), **self._known}
        self._begun_at = datetime.now(UTC)
        self._missing: set[str] = set()
        self._last_read: dict[str, int] = {}  # by instrument: the number of the last valid row
        self._last_planned: dict[str, int] = {}
        self._opened: set[str] = set()
        self._known_markets: set[str] = set()  # those with stored trades
        self._executions = self._fills = 0
        self._totals: dict[str, InstrumentTotal] = {}

    def create_index(self) -> UnitIndex[Row]:
        return UnitIndex(Row, lambda row: row.number)

    def parse(self, line: int, cells: list[str], file_format: FileFormat) -> Row:
        row = parse_row(line, cells, self._listings)
        check_fill_times([row.fill], self._begun_at)
        return row

    def place(self, row: Row) -> Placement:
        self._last_read[row.code] = row.number
        if row.code not in self._known:
            self._missing.add(row.code)
        return place_row(row)

    def suspects(self, cells: list[str], *, misshapen: bool) -> tuple[list[Suspect], bool]:
        return suspect_places(cells, self._last_read, self._listings, misshapen=misshapen), False

    def units(self, index: UnitIndex[Row]) -> Iterator[FileUnit[Row]]:
        return read_executions(index)

    def prepare(self, index: UnitIndex[Row]) -> None:
        self._last_planned.clear()
        self._opened.clear()
        self._known_markets = find_known_markets({listing.venue for listing in self._listings.values()})

    def create_missing(self) -> None:
        missing = [self._listings[code] for code in sorted(self._missing)]
        save_listings(missing, actor=command_line_actor(), reason="added by an import of trades in it")

    def warnings(self) -> Iterator[str]:
        if self._missing:
            names = "; ".join(sorted(self._missing))
            yield f"{len(self._missing):,} instruments are new, from the reference data: {names}"

    def plan(self, units: Sequence[FileUnit[Row]]) -> list[UnitPlan[Row]]:
        rows = [row for unit in units for row in unit.rows if market_of(row) in self._known_markets]
        stored = load_fills(rows, [row for row in rows if self._begins(row)])
        return [self._plan(unit, stored) for unit in units]

    def _begins(self, row: Row) -> bool:
        """Whether the file has no row with the number before."""
        previous, self._last_planned[row.code] = self._last_planned.get(row.code), row.number
        return previous is None or previous + 1 != row.number

    def _plan(self, unit: FileUnit[Row], stored: StoredFills) -> UnitPlan[Row]:
        missing, is_second = list[Row](), unit.rows[0].is_other_side
        for row in unit.rows:
            same, other = (stored.get((row.code, row.fill.venue_trade_id, side)) for side in (row.side, row.side.other))
            if (same or other or row.fill) != row.fill:
                number = row.fill.venue_trade_id
                reason = f"{unit.name}: trade {number} was imported before with other contents; what is stored stays"
                return UnitPlan(unit, refusal=reason)
            if same is None:
                missing.append(row)
                is_second = is_second or other is not None
        commands: list[CommandToSend] = []
        instrument = self._listings[unit.rows[0].code].instrument
        if missing and market_of(missing[0]) not in self._opened:
            # With each execution until one of the market is stored.
            commands.append(open_account(missing[0], instrument))
        # A cut between the rows of an execution makes two of it: the stored trade is closed, and cannot be extended.
        commands += trade_commands(missing, instrument, is_second=is_second) if missing else []
        return UnitPlan(unit, commands, rows_there=len(unit.rows) - len(missing))

    def count(self, plan: UnitPlan[Row], receipts: Sequence[Receipt]) -> None:
        self._opened.add(market_of(plan.unit.rows[0]))
        for (command, _), receipt in zip(plan.commands, receipts, strict=True):
            if isinstance(command, ExecuteTrade) and not receipt.replayed:
                self._executions += 1
                self._fills += len(command.fills)

    def summary(self) -> str:
        return f"{self._fills:,} trades imported as {self._executions:,} executions"

    def add_to_totals(self, unit: FileUnit[Row]) -> None:
        total = self._totals.setdefault(unit.rows[0].code, InstrumentTotal())
        for row in unit.rows:
            if row.is_other_side:
                continue
            total.trades += 1
            total.volume += row.fill.quantity
            total.notional += row.fill.notional

    def totals(self) -> list[str]:
        return [
            f"{code}: {total.trades:,} trades, volume {total.volume:,}, notional {total.notional:,}, "
            f"VWAP {divide(total.notional, total.volume, decimals=10):,}"
            for code, total in sorted(self._totals.items())
        ]
