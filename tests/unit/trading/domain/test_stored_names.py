"""Pins the names, fields and field order of stored events, because they must stay readable for ever.

If a test fails here, old events can no longer be read. Add a schema version and an upcaster instead of changing the
expected text.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import get_args

import pytest

from eventshop.core.message_registry import declared_messages, registry
from eventshop.core.messages import Event
from eventshop.core.serialization import decode_event, encode_canonical
from tests.unit.trading.domain import examples
from tests.unit.trading.domain import test_account as account
from trading.domain.account import TradingAccount
from trading.domain.audit_log import AUDIT_LOG_ID, AuditLog
from trading.domain.cost_basis import CostMethod
from trading.domain.events import (
    AmendRejected,
    AmendRequested,
    AmountReleased,
    AuditTrailExported,
    CancelRejected,
    CancelRequested,
    Contract,
    CostMethodSet,
    FreezeRefused,
    ReviewRule,
    TradeAmended,
    TradeBusted,
    TradeCorrected,
    TradeEvent,
    TradeExecuted,
    TradeExpired,
    TradeReviewed,
    TradeSubmitted,
)
from trading.domain.trade import Trade

HEAD = f'{{"trade_id":"{examples.TRADE}",'
ACCOUNT = f'"account_id":"{examples.ACCOUNT}"'
DEAL = f'"deal":{{{ACCOUNT},"instrument":"XETRA/SAP","currency":"EUR","side":"BUY","contract":null}}'
AT = '"at":"2026-01-30T12:00:00Z"'
FOUR = f'{{"venue_trade_id":"v1","price":"199.98","quantity":"4",{AT},"fee":null}}'
SIX = f'{{"venue_trade_id":"v2","price":"200.00","quantity":"6",{AT},"fee":null}}'
SAP = (
    '{"code":"XETRA/SAP","currency":"EUR","tick":"0.02","lot":"1","settlement_days":2,"calendar":"TARGET",'
    '"contract":null,"tick_table":[],"negative_prices":false}'
)
FROZEN = f'{{{ACCOUNT},"trade_id":"{examples.TRADE}","instrument":"XETRA/SAP","amount":"600"'

#: Events that are newer than the encryption of notes and than contracts.
NEWER = {
    *(TradeReviewed, TradeAmended, TradeExpired),
    *(CancelRequested, CancelRejected, AmendRequested, AmendRejected),
}
STORED: dict[str, tuple[Event, str]] = {
    "TradeSubmitted": (
        examples.submitted,
        f'{HEAD}"reference":"T-1",{ACCOUNT},"instrument":{SAP},"side":"BUY","type":"LIMIT","quantity":"10",'
        '"limit_price":"200.00","time_in_force":"GTC","good_until":null,"taken_in":null,"routed":false,"fee_terms":null}',
    ),
    "TradeExecuted": (examples.four, f'{HEAD}{DEAL},"fills":[{FOUR}],"open":"6"}}'),
    "TradeRejected": (examples.rejected, f'{HEAD}{DEAL},"reason":"limit exceeded"}}'),
    "TradeCancelled": (examples.cancelled("6"), f'{HEAD}{DEAL},"cancelled":"6","reason":"too slow"}}'),
    "TradeCorrected": (
        examples.corrected(examples.FOUR, examples.SIX, corrects=2, left="4"),
        f'{HEAD}{DEAL},"corrects":2,"was":{FOUR},"now":{SIX},"open":"4","reason":"typed wrongly"}}',
    ),
    "TradeBusted": (
        examples.busted(examples.FOUR, corrects=2, left="10"),
        f'{HEAD}{DEAL},"corrects":2,"was":{FOUR},"open":"10","reason":"erroneous print"}}',
    ),
    "FillsFlagged": (
        examples.flagged(ReviewRule.BEYOND_QUANTITY, "1"),
        f'{HEAD}{DEAL},"rule":"BEYOND_QUANTITY","excess":"1"}}',
    ),
    "TradeAmended": (
        examples.amended,
        f'{HEAD}{DEAL},"quantity":"8","limit_price":"199.00","open":"8","reason":"the market moved"}}',
    ),
    "CancelRequested": (examples.cancel_requested, f'{HEAD}{DEAL},"reason":"too slow"}}'),
    "CancelRejected": (examples.cancel_rejected, f'{HEAD}{DEAL},"reason":"too late"}}'),
    "AmendRequested": (
        examples.amend_requested,
        f'{HEAD}{DEAL},"quantity":"8","limit_price":"199.00","reason":"the market moved"}}',
    ),
    "AmendRejected": (examples.amend_rejected, f'{HEAD}{DEAL},"reason":"cannot be amended"}}'),
    "TradeExpired": (examples.expired("6"), f'{HEAD}{DEAL},"expired":"6"}}'),
    "TradeReviewed": (examples.reviewed, f'{HEAD}"reason":"the venue confirmed it"}}'),
    "SettlementHeld": (examples.held, f'{HEAD}"reason":"papers missing"}}'),
    "SettlementResumed": (examples.resumed, f'{HEAD}"reason":"papers came"}}'),
    "TradeSettled": (
        examples.settled("10", "1999.92"),
        f'{HEAD}{DEAL},"quantity":"10","notional":"1999.92","settled_on":"2026-02-03"}}',
    ),
    "AccountOpened": (
        account.opened,
        f'{{{ACCOUNT},"reference":"Desk 1","owner_id":null,"currency":"EUR","gross_limit":"1000"}}',
    ),
    "LimitSet": (account.sap_600, f'{{{ACCOUNT},"instrument":"XETRA/SAP","limit":"600"}}'),
    "CostMethodSet": (
        CostMethodSet(examples.ACCOUNT, CostMethod.FIFO),
        f'{{{ACCOUNT},"cost_method":"FIFO"}}',
    ),
    "AmountFrozen": (account.frozen("600"), f"{FROZEN}}}"),
    "FreezeRefused": (
        FreezeRefused(
            examples.ACCOUNT, examples.TRADE, "XETRA/SAP", account.sap_600.limit, "gross", account.sap_600.limit
        ),
        f'{FROZEN},"limit":"gross","available":"600"}}',
    ),
    "AmountReleased": (
        AmountReleased(examples.ACCOUNT, examples.TRADE, "XETRA/SAP", account.sap_600.limit),
        f"{FROZEN}}}",
    ),
    "AuditTrailExported": (
        AuditTrailExported(AUDIT_LOG_ID, None, "yearly report", "csv", 2, 5, "ab" * 32),
        f'{{"log_id":"{AUDIT_LOG_ID}","account_id":null,"reason":"yearly report","format":"csv","trades":2,"events":5,'
        f'"sha256":"{"ab" * 32}"}}',
    ),
}


def test_every_event_of_trading_is_pinned() -> None:
    events = [event for aggregate in (Trade, TradingAccount, AuditLog) for event in declared_messages(aggregate)[1]]
    assert {registry.name_of(event): event for event in events} == {
        name: type(event) for name, (event, _) in STORED.items()
    }
    notes = {event for event in events if "reason" in event.__struct_fields__} - NEWER  # encrypted from 1 on
    told_of_no_contract = {event for event in events if {"deal", "instrument"} & set(event.__struct_fields__)} - NEWER
    told_of_no_contract = {event for event in told_of_no_contract if issubclass(event, get_args(TradeEvent))}
    changes = {event: (event in notes) + (event in told_of_no_contract) for event in events}
    changes[TradeSubmitted] += 3  # how long it is good, and orders of before; whether it is at a venue; fees
    for event in (TradeExecuted, TradeCorrected, TradeBusted):
        changes[event] += 1  # fees
    assert {event: event.schema_version - 1 for event in events} == changes


@pytest.mark.parametrize("name", STORED)
def test_an_event_is_stored_as_ever(name: str) -> None:
    event, stored = STORED[name]
    assert encode_canonical(event)[0].decode() == stored
    assert decode_event(registry.event_class(name), stored) == event


def test_the_names_of_aggregates_and_commands_are_what_programs_were_told() -> None:
    assert registry.aggregate_class("Trade") is Trade
    assert registry.aggregate_class("TradingAccount") is TradingAccount
    assert [command.__name__ for command in (*declared_messages(Trade)[0], *declared_messages(TradingAccount)[0])] == [
        "SubmitTrade",
        "ExecuteTrade",
        "RejectTrade",
        "CancelTrade",
        "AmendTrade",
        "ReportCancelled",
        "ReportCancelRejected",
        "ReportAmended",
        "ReportAmendRejected",
        "ExpireTrade",
        "CorrectTrade",
        "BustTrade",
        "ReviewTrade",
        "HoldSettlement",
        "ResumeSettlement",
        "SettleTrade",
        "OpenAccount",
        "SetLimit",
        "SetCostMethod",
        "FreezeAmount",
        "ChangeFrozenAmount",
        "ReleaseAmount",
    ]


@pytest.mark.parametrize(
    ("code", "contract"),
    [
        ("BINANCE_COINM/BTCUSD_PERP", Contract(Decimal(100), True, "BTC")),
        ("BINANCE_COINM/ETHUSD_PERP", Contract(Decimal(10), True, "ETH")),
        ("XETRA/SAP", None),
    ],
)
def test_a_fill_of_before_contracts_has_the_contract_of_its_instrument(code: str, contract: Contract | None) -> None:
    stored = STORED["TradeExecuted"][1].replace("XETRA/SAP", code)
    reader = registry.reader_for("TradeExecuted", 1)
    fields = json.loads(stored)
    del fields["deal"]["contract"]
    for upcast in reader.upcasters:
        fields = upcast(fields)
    event = decode_event(registry.event_class("TradeExecuted"), json.dumps(fields))
    assert isinstance(event, TradeExecuted)
    assert (event.deal.contract, event.deal.instrument) == (contract, code)
