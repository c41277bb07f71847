"""Reported case: the same wish sent twice, under two command ids, was an error the second time.

Right: the second one is accepted and leads to no event. Every command is in one of the lists.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Final

import pytest
from msgspec.structs import replace

from eventshop.core.message_registry import registry
from eventshop.core.messages import Command, Envelope, new_id
from eventshop.eventstore import command_dispatcher
from orders.domain.commands import (
    CreateCreditNote,
    CreateOrder,
    DispatchInventory,
    ReceiveReturn,
    ReceiveStock,
    RecordObservedCancellation,
    RecordObservedDelivery,
    RecordObservedLines,
    RecordObservedPayment,
    RecordObservedRefund,
    RecordObservedReturn,
    RecordObservedShipment,
    ReleaseInventory,
    RequestPayment,
    ReserveInventory,
    ReturnLine,
    ReverseObservedReturn,
    WriteOffStock,
)
from orders.domain.order import Order
from orders.domain.stock_item import StockItem
from tests.support.api_clients import shopper
from tests.unit.orders.domain import examples as orders
from tests.unit.trading.domain import examples as trades
from tests.unit.users.domain import examples as people
from trading.domain.account import TradingAccount
from trading.domain.audit_log import AuditLog
from trading.domain.commands import (
    ChangeFrozenAmount,
    FreezeAmount,
    OpenAccount,
    RecordAuditExport,
    ReleaseAmount,
    SetCostMethod,
    SetLimit,
)
from trading.domain.cost_basis import CostMethod
from trading.domain.trade import Trade
from users.domain.commands import (
    ChangeContactDetails,
    ChangePreferences,
    CreateUser,
    EraseData,
    ExportData,
    LiftRestriction,
    PlaceLegalHold,
    RecordAccess,
    RecordProcessing,
    ReleaseLegalHold,
    SaveDeliveryAddress,
)
from users.domain.user import User

pytestmark = pytest.mark.usefixtures("clean_database")

_HOLD: Final = PlaceLegalHold(people.ADA, "case 7", "a claim")
_TRADE: Final = (trades.submit, trades.execute(trades.FOUR))
_ROUTED: Final = replace(trades.submit, routed=True)
_FILLED: Final = (*_TRADE, trades.execute(trades.SIX))
_ACCOUNT: Final = OpenAccount(trades.ACCOUNT, "Desk", None, "EUR", Decimal(10_000))
_FREEZE: Final = FreezeAmount(trades.ACCOUNT, trades.TRADE, trades.SAP.code, "EUR", Decimal(2_000))
_PERSON: Final = (people.create,)
_ASKED: Final = (orders.create, orders.request)
_PAID: Final = (*_ASKED, orders.pay)
_SOLD: Final = (*_PAID, orders.ship)
_RETURNED: Final = (*_SOLD, orders.ask_return((1, 2)))
_BACK: Final = RecordObservedReturn(orders.ORDER, "R9", (ReturnLine(1, 2),), "too many")

#: Each wish, after the commands that make it possible.
WISHES: Final[list[tuple[Command, ...]]] = [
    (*_PERSON, people.grant),
    (*_PERSON, people.grant, people.withdraw),
    (*_PERSON, people.grant, people.expire),
    (*_PERSON, people.save_address, people.remove_address),
    (*_PERSON, people.restrict),
    (*_PERSON, people.restrict, LiftRestriction(people.ADA)),
    (*_PERSON, _HOLD),
    (*_PERSON, _HOLD, ReleaseLegalHold(people.ADA, "case 7")),
    (*_PERSON, people.request),
    (*_PERSON, people.request, people.cancel),
    (*_PERSON, people.request, people.begin),
    (trades.submit,),
    _TRADE,
    (trades.submit, trades.reject),
    (*_TRADE, trades.cancel),
    (*_TRADE, trades.amend),
    (*_TRADE, trades.expire),
    (*_TRADE, trades.report_cancelled),
    (*_TRADE, trades.report_amended),
    (_ROUTED, trades.cancel, trades.report_cancel_rejected),
    (_ROUTED, trades.amend, trades.report_amend_rejected),
    (*_TRADE, trades.correct(trades.fill("v1", "3", "199.98"))),
    (*_TRADE, trades.bust("v1")),
    (*_TRADE, trades.hold),
    (*_TRADE, trades.hold, trades.resume),
    (*_FILLED, trades.settle),
    (*_FILLED, trades.execute(trades.fill("v3", "1")), trades.review),
    (_ACCOUNT,),
    (_ACCOUNT, SetCostMethod(trades.ACCOUNT, CostMethod.FIFO)),
    (_ACCOUNT, SetLimit(trades.ACCOUNT, None, Decimal(5_000))),
    (_ACCOUNT, _FREEZE),
    (_ACCOUNT, _FREEZE, ChangeFrozenAmount(trades.ACCOUNT, trades.TRADE, Decimal(3_000))),
    (_ACCOUNT, _FREEZE, ReleaseAmount(trades.ACCOUNT, trades.TRADE)),
    (*_ASKED, orders.authorise),
    (*_ASKED, orders.authorise, orders.void),
    (*_ASKED, orders.decline),
    _PAID,
    _SOLD,
    (*_SOLD, orders.deliver),
    (orders.create, orders.cancel),
    (*_PAID, orders.cancel, orders.record_refund("22.59")),
    _RETURNED,
    (*_RETURNED, orders.accept),
    (*_RETURNED, orders.decline_return),
    (*_SOLD, orders.close_window),
    (orders.credit, orders.reverse_credit),
    (orders.create, RecordObservedPayment(orders.ORDER, orders.DUE, "invoice", "P9")),
    (orders.create, RecordObservedShipment(orders.ORDER, "Royal Mail", "RM9")),
    (orders.create, RecordObservedDelivery(orders.ORDER)),
    (orders.create, RecordObservedCancellation(orders.ORDER, "sold out")),
    (*_SOLD, _BACK),
    (*_PAID, RecordObservedRefund(orders.ORDER, "R9", orders.gbp("1.00"), "goodwill")),
    (orders.create, RecordObservedLines(orders.ORDER, 3, orders.LINES)),
    (ReceiveStock("71053", 9, "delivery 1"), ReserveInventory("71053", orders.ORDER, 2)),
]
#: These record each time that something was done.
RECORDED: Final = {
    *(RecordProcessing, RecordAccess, ExportData, RecordAuditExport),
    *(ReceiveStock, ReleaseInventory, DispatchInventory, WriteOffStock),
}
#: The state holds no personal data that these could be compared with, and after an erasure nothing at all. A second
#: payment may be another part, parcels of a return come one by one, and what is reversed is gone.
NOT_COMPARED: Final = {
    *(
        CreateUser,
        ChangeContactDetails,
        ChangePreferences,
        SaveDeliveryAddress,
        EraseData,
        CreateOrder,
        CreateCreditNote,
    ),
    *(RequestPayment, ReceiveReturn, ReverseObservedReturn),
}


def send(command: Command) -> int:
    """Send a command under a new id; returns the number of its events."""
    return command_dispatcher.send(command, envelope=Envelope(command_id=new_id())).events


@pytest.mark.parametrize("commands", WISHES, ids=lambda commands: type(commands[-1]).__name__)
def test_a_wish_sent_twice_is_already_so(commands: tuple[Command, ...]) -> None:
    assert all(send(command) for command in commands)
    assert send(commands[-1]) == 0


def test_every_command_is_listed() -> None:
    wishes = {type(commands[-1]) for commands in WISHES}
    known = {command for command in registry.commands.values() if registry.aggregate_of(command) in _AGGREGATES}
    assert wishes | RECORDED | NOT_COMPARED == known
    assert not wishes & (RECORDED | NOT_COMPARED)


_AGGREGATES: Final = (User, Trade, TradingAccount, AuditLog, Order, StockItem)


def test_a_consent_given_twice_within_a_day_is_one_consent() -> None:
    assert [send(command) for command in (people.create, people.grant)] == [1, 1]
    later = replace(
        people.grant,
        at=people.grant.at + timedelta(seconds=3),
        expires_at=people.grant.expires_at + timedelta(seconds=3),
    )
    assert send(later) == 0


def test_a_program_may_withdraw_a_consent_twice_and_take_back_an_erasure_twice() -> None:
    program = shopper()
    consent = f"people/{program.person}/consents/DirectMarketing"
    assert program.send("put", consent, {"notice": "2026-01"}, if_match="*").status_code == 200
    given_again = program.send("put", consent, {"notice": "2026-01"}, if_match="*")
    assert (given_again.status_code, given_again.json()["events"]) == (200, 0)
    erasure = f"people/{program.person}/erasure"
    assert program.send("post", erasure, None, if_match="*").status_code == 202
    for path in (consent, erasure):
        answers = [program.send("delete", path, if_match="*") for _ in range(2)]
        assert [(answer.status_code, answer.json()["events"]) for answer in answers] == [(200, 1), (200, 0)], path
