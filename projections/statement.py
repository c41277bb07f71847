"""The statement of a trading account for one day: its trades, positions and results, as of any day and any knowledge.

It is computed from the events: what was traded up to the end of a day (UTC, by the venue's times), as far as it was
recorded up to a moment. What was corrected or declared void by then leaves no trace.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from eventshop.core.decimal_math import ZERO, add, subtract
from eventshop.core.errors import CommandRefused
from eventshop.core.message_registry import registry
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.records import to_recorded_event
from eventshop.projections.row_details import DetailStore
from projections.models import TradeBlotter
from projections.position_ledger import Entry, PositionLedger, Results, place_of
from projections.position_result import cost_method_of
from trading.domain.contract_value import fill_value
from trading.domain.cost_basis import CostBasis, CostMethod
from trading.domain.events import Deal, Fill, Side, TradeBusted, TradeCorrected, TradeExecuted
from trading.domain.fees import fee_amount, fees_of

#: Trades of an account whose events one statement reads.
MAX_TRADES: Final = 20_000
_TRADES_PER_STATEMENT: Final = 1_000


class StatementTooLarge(CommandRefused):
    """This account has more trades than a statement can read."""

    code = "statement-too-large"


class StatementTrade(NamedTuple):
    """A fill of the day."""

    trade_id: UUID
    deal: Deal
    fill: Fill

    @property
    def value(self) -> Decimal:
        return fill_value(self.deal.contract, self.fill)

    @property
    def fee(self) -> Decimal:
        return fee_amount(self.fill)

    @property
    def value_currency(self) -> str:
        return self.deal.contract.currency if self.deal.contract else self.deal.currency


class StatementPosition(NamedTuple):
    """A position at the end of the day, and what was earned on the day and since the beginning."""

    instrument: str
    currency: str
    quantity: Decimal
    open_cost: Decimal
    realised_today: Decimal
    realised: Decimal
    fees_today: Decimal
    fees: Decimal

    @property
    def net_today(self) -> Decimal:
        return subtract(self.realised_today, self.fees_today)

    @property
    def net(self) -> Decimal:
        return subtract(self.realised, self.fees)


class DayTotal(NamedTuple):
    """The results and the fees of a day in one currency."""

    realised: Decimal
    fees: Decimal

    @property
    def net(self) -> Decimal:
        return subtract(self.realised, self.fees)


class Statement(NamedTuple):
    """`trades` in the order of the venue's times, `positions` by instrument, those with a fill up to the day."""

    account_id: UUID
    day: date
    known_at: datetime
    method: CostMethod
    trades: list[StatementTrade]
    positions: list[StatementPosition]

    @property
    def totals(self) -> dict[str, DayTotal]:
        """What was earned on the day, and its fees, by currency; of two currencies there is no sum."""
        sums: dict[str, DayTotal] = {}
        for row in self.positions:
            so_far = sums.get(row.currency, DayTotal(ZERO, ZERO))
            sums[row.currency] = DayTotal(add(so_far.realised, row.realised_today), add(so_far.fees, row.fees_today))
        return dict(sorted(sums.items()))


def account_statement(account_id: UUID, day: date, known_at: datetime) -> Statement:
    """The statement of a day as it was known at a moment. Raises `StatementTooLarge`."""
    fills = standing_fills(_read_events(_trades_of(account_id), known_at))
    return compose_statement(account_id, day, known_at, cost_method_of(account_id), fills)


def compose_statement(
    account_id: UUID, day: date, known_at: datetime, method: CostMethod, fills: Iterable[StatementTrade]
) -> Statement:
    """The statement of a day that follows from the fills that stand."""
    end = datetime.combine(day, datetime.min.time(), UTC) + timedelta(days=1)
    # By trade and number at one instant: the order of the reports would tell of what was corrected.
    until = sorted(
        (item for item in fills if item.fill.at < end),
        key=lambda item: (item.fill.at, item.trade_id, item.fill.venue_trade_id),
    )
    begin = end - timedelta(days=1)
    instruments = sorted({item.deal.instrument for item in until})
    positions = [
        _position([item for item in until if item.deal.instrument == code], begin, method) for code in instruments
    ]
    return Statement(account_id, day, known_at, method, [item for item in until if item.fill.at >= begin], positions)


def _trades_of(account_id: UUID) -> list[UUID]:
    trades = list(TradeBlotter.objects.filter(account_id=account_id).values_list("pk", flat=True)[: MAX_TRADES + 1])
    if len(trades) > MAX_TRADES:
        raise StatementTooLarge(account=account_id, most=MAX_TRADES)
    return trades


def standing_fills(reports: Iterable[TradeExecuted | TradeCorrected | TradeBusted]) -> list[StatementTrade]:
    """The fills that stand after reports of trades, those of one trade in their order."""
    fills: dict[tuple[UUID, str], StatementTrade] = {}
    for event in reports:
        match event:
            case TradeExecuted(trade_id=trade, deal=deal, fills=reported):
                fills |= {(trade, fill.venue_trade_id): StatementTrade(trade, deal, fill) for fill in reported}
            case TradeCorrected(trade_id=trade, deal=deal, now=fill):
                fills[trade, fill.venue_trade_id] = StatementTrade(trade, deal, fill)
            case TradeBusted(trade_id=trade, was=fill):
                fills.pop((trade, fill.venue_trade_id), None)
    return list(fills.values())


def _read_events(trades: Sequence[UUID], known_at: datetime) -> Iterator[TradeExecuted | TradeCorrected | TradeBusted]:
    types = [registry.name_of(kind) for kind in (TradeExecuted, TradeCorrected, TradeBusted)]
    for start in range(0, len(trades), _TRADES_PER_STATEMENT):
        some = trades[start : start + _TRADES_PER_STATEMENT]
        rows = backend().select_events(
            f"WHERE aggregate_id IN ({', '.join(['%s'] * len(some))}) "
            f"AND event_type IN ({', '.join(['%s'] * len(types))}) ORDER BY aggregate_id, version",
            (*some, *types),
        )
        for row in rows:
            recorded = to_recorded_event(row, registry)
            if recorded.meta.recorded_at <= known_at:
                yield recorded.event


def _position(items: Sequence[StatementTrade], begin: datetime, method: CostMethod) -> StatementPosition:
    """The position after these fills of one instrument, of which those from `begin` on are of the day."""
    before = _basis((item for item in items if item.fill.at < begin), method)
    after = _basis(items, method)
    return StatementPosition(
        instrument=items[0].deal.instrument,
        currency=items[0].value_currency,
        quantity=after.quantity,
        open_cost=subtract(Decimal(0), after.open_cash),
        realised_today=subtract(after.realised, before.realised),
        realised=after.realised,
        fees_today=fees_of(tuple(item.fill for item in items if item.fill.at >= begin)),
        fees=fees_of(tuple(item.fill for item in items)),
    )


def _basis(items: Iterable[StatementTrade], method: CostMethod) -> CostBasis:
    newest: Entry | None = None
    for item in items:
        is_inverse = item.deal.contract is not None and item.deal.contract.inverse
        value = subtract(Decimal(0), item.value) if is_inverse else item.value
        place = place_of(item.fill.at, is_purchase=item.deal.side is Side.BUY)
        newest = Entry(place, item.fill.quantity, value, newest)
    results = PositionLedger(Results(), DetailStore().of("")).update(newest)
    return results.fifo if method is CostMethod.FIFO else results.average
