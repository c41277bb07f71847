"""Use cases of a client: submit a trade and freeze its amount in one transaction, and cancel it."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from eventshop.core.deterministic_ids import derive_id, short_reference
from eventshop.core.errors import CommandIdReused
from eventshop.core.messages import Envelope, NonEmptyText
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.command_receipts import Receipt
from eventshop.eventstore.event_store import store
from eventshop.eventstore.unit_of_work import batch_write
from trading.application.exchange_rates import convert
from trading.application.fee_schedules import find_fee_terms
from trading.application.instruments import find_listing
from trading.application.last_price_port import dearest_last_price
from trading.application.pre_trade_checks import check_duplicate, check_price_band
from trading.application.venue_port import is_routed
from trading.domain.commands import (
    AmendTrade,
    CancelTrade,
    ChangeFrozenAmount,
    FreezeAmount,
    ReleaseAmount,
    SubmitTrade,
)
from trading.domain.contract_value import limit_amount, money_currency
from trading.domain.errors import AccountNotOpen, LimitExceeded, NoPrice, UnknownTrade
from trading.domain.events import (
    AccountOpened,
    AmendRequested,
    Code,
    FreezeRefused,
    Instrument,
    OpenOrder,
    OrderType,
    Side,
    TimeInForce,
    TradeAmended,
    TradeSubmitted,
)


class NewTrade(Struct, frozen=True, forbid_unknown_fields=True):
    """An order to buy or sell for one of your accounts. Only a limit order has a limit price."""

    example: ClassVar[dict[str, Any]] = {
        "account_id": "00000000-0000-4000-8000-0000000000ac",
        "instrument": "XETRA/SAP",
        "side": "BUY",
        "type": "LIMIT",
        "quantity": "10",
        "limit_price": "200.00",
    }

    account_id: UUID
    instrument: Code
    side: Side
    type: OrderType
    quantity: Decimal
    limit_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    #: Only staff take in an order that was open before; `quantity` is what is open.
    taken_in: OpenOrder | None = None
    #: The same order may be open already: it is meant twice.
    repeated: bool = False

    def to_command(self, trade_id: UUID, former: TradeSubmitted | None = None) -> SubmitTrade:
        """Build the command; raises `UnknownInstrument`, `InactiveInstrument`, `WrongTick`, `WrongLot` or others.

        `former`: what was submitted under the same id. A repetition has its terms, whatever the tables say by now.
        """
        if former and (self.instrument, self.time_in_force) == (former.instrument.code, former.time_in_force):
            instrument, good_until, routed = former.instrument, former.good_until, former.routed
            fee_terms = former.fee_terms
        else:
            now, listing = datetime.now(UTC), find_listing(self.instrument)
            listing.check_active(now)
            instrument, routed = listing.instrument, is_routed() and self.taken_in is None
            good_until = listing.end_of_trading(now) if self.time_in_force is TimeInForce.DAY else None
            fee_terms = find_fee_terms(self.account_id, self.instrument, now)
        return SubmitTrade(
            trade_id=trade_id,
            reference=short_reference("T", trade_id),
            account_id=self.account_id,
            instrument=instrument,
            side=self.side,
            type=self.type,
            quantity=self.quantity,
            limit_price=self.limit_price,
            time_in_force=self.time_in_force,
            good_until=good_until,
            taken_in=self.taken_in,
            routed=routed,
            fee_terms=fee_terms,
        )


def trade_id_for(command_id: UUID) -> UUID:
    """The id of the trade that a command submits."""
    return derive_id("placed-trade", command_id)


def amount_to_freeze(order: SubmitTrade, currency: str) -> Decimal:
    """The amount that an order uses of the limits of an account in this currency.

    At its limit price or the dearest last price. Raises `NoPrice`, `MissingRate` or `StaleRate`.
    """
    return amount_of(order.instrument, order.quantity, order.limit_price, currency)


def amount_of(instrument: Instrument, quantity: Decimal, limit_price: Decimal | None, currency: str) -> Decimal:
    """The amount of an order of these terms, in a currency."""
    price = dearest_last_price(instrument) if limit_price is None else limit_price
    if price is None:
        raise NoPrice(instrument=instrument.code)
    return convert(limit_amount(instrument, quantity, price), money_currency(instrument), currency)


def account_currency(account_id: UUID) -> str:
    """The currency of an account's limits; raises `AccountNotOpen`."""
    for recorded in store.get_events(account_id, to_version=1):
        if isinstance(recorded.event, AccountOpened):
            return recorded.event.currency
    raise AccountNotOpen(account=account_id)


def submit_trade(
    new_trade: NewTrade, *, actor: str, command_id: UUID, metadata: dict[str, str] | None = None
) -> Receipt:
    """Freeze the amount and submit the trade in one transaction; returns the receipt of `SubmitTrade`.

    The caller checks the permission to trade for the account. Idempotent for each `command_id`, even if the last price
    of a market order, the instrument or the terms of fees have changed. Raises what `NewTrade.to_command`,
    `amount_to_freeze` and the dispatcher raise, `AccountNotOpen`, `OutsidePriceBand`, `DuplicateTrade` or
    `LimitExceeded`. A limit's refusal is stored as an event of the account, so that a retry gets it again. After an
    error nothing is frozen.
    """
    trade_id = trade_id_for(command_id)
    former = _find_terms(trade_id)
    order = new_trade.to_command(trade_id, former)
    envelope = Envelope(command_id=command_id, actor=actor, metadata=metadata or {})
    if former is None:  # not a repetition of one that was accepted
        check_price_band(order)
        if not new_trade.repeated:
            check_duplicate(order)
    with batch_write():
        refusal = _freeze_amount(order, envelope)
        if refusal is None:
            return send(order, envelope=envelope)
    raise LimitExceeded(limit=refusal.limit, requested=refusal.amount, available=refusal.available)


def _freeze_amount(order: SubmitTrade, envelope: Envelope) -> FreezeRefused | None:
    """Freeze the amount of an order; returns the refusal, if any."""
    step = replace(envelope, command_id=derive_id("placed-trade-freeze", envelope.command_id))
    code, currency = order.instrument.code, account_currency(order.account_id)
    amount = amount_to_freeze(order, currency)
    try:
        send(FreezeAmount(order.account_id, order.trade_id, code, currency, amount), envelope=step)
    except CommandIdReused:
        if order.type is OrderType.LIMIT and currency == money_currency(order.instrument):
            raise
        # The last price or the exchange rate may have changed since the first attempt. The store compares the order.
    for recorded in store.events_of_command(step.command_id):
        if isinstance(recorded.event, FreezeRefused):
            return recorded.event
    return None


def amend_trade(
    command: AmendTrade,
    *,
    actor: str,
    command_id: UUID,
    expected_version: int | None = None,
    metadata: dict[str, str] | None = None,
) -> Receipt:
    """Amend a trade and the amount that it freezes, in one transaction; returns the receipt of the command.

    Of an order at a venue this is a request: until the venue answers, the larger amount is frozen.

    Raises `UnknownTrade`, `NotAmendable`, `InvalidTradeState`, `LimitExceeded`, `NoPrice`, `WrongTick` or `WrongLot`;
    then nothing has changed.
    """
    terms = load_terms(command.trade_id)
    envelope = Envelope(command_id=command_id, actor=actor, metadata=metadata or {})
    step = replace(envelope, command_id=derive_id("amended-trade-freeze", command_id))
    with batch_write():
        receipt = send(command, envelope=envelope, expected_version=expected_version)
        for recorded in () if receipt.replayed else store.events_of_command(command_id):
            if isinstance(recorded.event, TradeAmended | AmendRequested):
                with suppress(AccountNotOpen):  # an imported trade without an account has nothing frozen
                    amended, currency = recorded.event, account_currency(terms.account_id)
                    amount = amount_of(terms.instrument, amended.quantity, amended.limit_price, currency)
                    may_release = isinstance(amended, TradeAmended)  # a request may still be declined
                    change = ChangeFrozenAmount(terms.account_id, command.trade_id, amount, may_release)
                    send(change, envelope=step)
    return receipt


def cancel_trade(
    trade_id: UUID,
    reason: NonEmptyText,
    *,
    actor: str,
    command_id: UUID,
    expected_version: int | None = None,
    metadata: dict[str, str] | None = None,
) -> Receipt:
    """Cancel the open quantity of a trade and release its frozen amount; returns the receipt of `CancelTrade`.

    Of an order at a venue this is a request: the amount stays frozen until the venue answers.

    Raises `UnknownTrade`, `InvalidTradeState` if nothing can be cancelled any more, or what the dispatcher raises.
    If the process dies between the two commands, the settlement saga releases the amount.
    """
    terms = load_terms(trade_id)
    envelope = Envelope(command_id=command_id, actor=actor, metadata=metadata or {})
    receipt = send(CancelTrade(trade_id, reason), envelope=envelope, expected_version=expected_version)
    if terms.routed:
        return receipt
    step = replace(envelope, command_id=derive_id("cancelled-trade-release", command_id))
    with suppress(AccountNotOpen):  # an imported trade without an account has nothing frozen
        send(ReleaseAmount(terms.account_id, trade_id), envelope=step)
    return receipt


def load_terms(trade_id: UUID) -> TradeSubmitted:
    """Load the terms of a trade; raises `UnknownTrade`."""
    if (terms := _find_terms(trade_id)) is None:
        raise UnknownTrade(trade=trade_id)
    return terms


def _find_terms(trade_id: UUID) -> TradeSubmitted | None:
    for recorded in store.get_events(trade_id, to_version=1):
        if isinstance(recorded.event, TradeSubmitted):
            return recorded.event
    return None
