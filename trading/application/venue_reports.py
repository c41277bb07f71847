"""Books what the venue reports: each report is a command of its trade, and comes once."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, assert_never
from uuid import UUID

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import Envelope
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from eventshop.eventstore.unit_of_work import batch_write
from trading.application.submit_trade import account_currency, amount_of, load_terms
from trading.application.venue_port import (
    AmendDeclined,
    Amended,
    Busted,
    CancelDeclined,
    Cancelled,
    Corrected,
    Expired,
    Filled,
    Refused,
    Taken,
    VenueReport,
)
from trading.domain.commands import (
    BustTrade,
    ChangeFrozenAmount,
    CorrectTrade,
    ExecuteTrade,
    ExpireTrade,
    RejectTrade,
    ReportAmended,
    ReportAmendRejected,
    ReportCancelled,
    ReportCancelRejected,
    TradeCommand,
)
from trading.domain.errors import AccountNotOpen, LimitExceeded, MissingRate, NoPrice, StaleRate
from trading.domain.fills import check_fill_times
from trading.domain.trade import Trade

#: The actor of what the venue reports.
ACTOR: Final = "venue"


def book_report(report: VenueReport, *, report_id: UUID) -> None:
    """Book a report, once for each id.

    Raises `UnknownTrade`, `CommandIdReused` (another report with this id), or what the trade refuses, such as
    `UnknownFill`, `FillChanged` or `WrongTick`; then nothing has changed.
    """
    terms, command = load_terms(report.order), _command(report)
    if command is None:
        return
    envelope = Envelope(command_id=report_id, actor=ACTOR)
    with batch_write():
        receipt = send(command, envelope=envelope)
        if isinstance(command, ReportAmended | ReportAmendRejected) and not receipt.replayed:
            _freeze_what_is_open(terms.account_id, report.order, report_id)


def _command(report: VenueReport) -> TradeCommand | None:
    match report:
        case Taken():
            return None
        case Refused(order=trade, reason=reason):
            return RejectTrade(trade, reason)
        case Filled(order=trade, fills=fills):
            check_fill_times(fills, datetime.now(UTC))
            return ExecuteTrade(trade, fills)
        case Corrected(order=trade, fill=fill, reason=reason):
            check_fill_times([fill], datetime.now(UTC))
            return CorrectTrade(trade, fill, reason)
        case Busted(order=trade, venue_trade_id=number, reason=reason):
            return BustTrade(trade, number, reason)
        case Cancelled(order=trade, reason=reason):
            return ReportCancelled(trade, reason)
        case CancelDeclined(order=trade, reason=reason):
            return ReportCancelRejected(trade, reason)
        case Amended(order=trade, quantity=quantity, limit_price=limit_price):
            return ReportAmended(trade, quantity, limit_price)
        case AmendDeclined(order=trade, reason=reason):
            return ReportAmendRejected(trade, reason)
        case Expired(order=trade):
            return ExpireTrade(trade)
        case _:
            assert_never(report)


def _freeze_what_is_open(account_id: UUID, trade_id: UUID, report_id: UUID) -> None:
    """Freeze what the order is worth as it is at the venue now; the request had frozen the larger amount.

    Where a rate or a limit does not allow to say so, the larger amount stays frozen until the order ends.
    """
    terms = Trade().evolve_all(recorded.event for recorded in store.get_events(trade_id)).terms
    with suppress(AccountNotOpen, LimitExceeded, MissingRate, StaleRate, NoPrice):
        amount = amount_of(terms.instrument, terms.quantity, terms.limit_price, account_currency(account_id))
        envelope = Envelope(command_id=derive_id("venue-report-freeze", report_id), actor=ACTOR)
        send(ChangeFrozenAmount(account_id, trade_id, amount), envelope=envelope)
