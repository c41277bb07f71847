"""A client's trade: its amount is frozen and the trade submitted at once, or neither; and taken back again."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from eventshop.core.deterministic_ids import derive_id, short_reference
from eventshop.core.errors import CommandIdReused
from eventshop.core.messages import Envelope, NonEmptyText
from eventshop.eventstore.command_dispatcher import Receipt, send
from eventshop.eventstore.event_store import store
from eventshop.eventstore.unit_of_work import batch_write
from trading.application.last_price_port import last_price
from trading.domain.commands import CancelTrade, FreezeAmount, ReleaseAmount, SubmitTrade, rounded_notional
from trading.domain.errors import AccountNotOpen, LimitExceeded, NoPrice, UnknownTrade
from trading.domain.events import Code, FreezeRefused, OrderType, Side, TradeSubmitted
from trading.domain.instruments import get_instrument


class NewTrade(Struct, frozen=True, forbid_unknown_fields=True):
    """What you want to buy or sell, and for which of your accounts. Only a limit order names a limit price."""

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

    def to_command(self, trade_id: UUID) -> SubmitTrade:
        """The command; raises `UnknownInstrument`, `WrongTick`, `WrongLot` or `InvalidMessage`."""
        return SubmitTrade(
            trade_id=trade_id,
            reference=short_reference("T", trade_id),
            account_id=self.account_id,
            instrument=get_instrument(self.instrument),
            side=self.side,
            type=self.type,
            quantity=self.quantity,
            limit_price=self.limit_price,
        )


def trade_id_for(command_id: UUID) -> UUID:
    """The trade that a client's command places."""
    return derive_id("placed-trade", command_id)


def amount_to_freeze(order: SubmitTrade) -> Decimal:
    """What an order uses of the limits: quantity by limit price, or by the last price; raises `NoPrice`."""
    price = order.limit_price or last_price(order.instrument.code)
    if price is None:
        raise NoPrice(instrument=order.instrument.code)
    return rounded_notional(order.quantity, price)


def submit(new_trade: NewTrade, *, actor: str, command_id: UUID, metadata: dict[str, str] | None = None) -> Receipt:
    """Freeze what it takes and submit the trade, in one transaction; the receipt is that of `SubmitTrade`.

    Who may trade for the account is asked before. Sent again with the same id it gives the first answer, also when
    the price of a market order has moved since. Raises what `NewTrade.order` and `to_freeze` raise, `AccountNotOpen`,
    `WrongCurrency`, `LimitExceeded` (which stays in the account's events, and so stays the answer for this id), or
    what `dispatch.send` raises; then nothing is frozen.
    """
    order = new_trade.to_command(trade_id_for(command_id))
    envelope = Envelope(command_id=command_id, actor=actor, metadata=metadata or {})
    with batch_write():
        refused = _freeze_amount(order, envelope)
        if refused is None:
            return send(order, envelope=envelope)
    raise LimitExceeded(limit=refused.limit, asked=refused.amount, available=refused.available)


def _freeze_amount(order: SubmitTrade, envelope: Envelope) -> FreezeRefused | None:
    """Freeze the order's amount; how that was refused, if it was."""
    step = replace(envelope, command_id=derive_id("placed-trade-freeze", envelope.command_id))
    code, currency = order.instrument.code, order.instrument.currency
    try:
        send(FreezeAmount(order.account_id, order.trade_id, code, currency, amount_to_freeze(order)), envelope=step)
    except CommandIdReused:
        if order.type is OrderType.LIMIT:
            raise
        # The price may have moved since. Whether it is the same order the store says, when it is submitted.
    for recorded in store.events_of_command(step.command_id):
        if isinstance(recorded.event, FreezeRefused):
            return recorded.event
    return None


def cancel(
    trade_id: UUID,
    reason: NonEmptyText,
    *,
    actor: str,
    command_id: UUID,
    expected_version: int | None = None,
    metadata: dict[str, str] | None = None,
) -> Receipt:
    """Take back what is open of a trade, and release what it froze; the receipt is that of `CancelTrade`.

    Raises `UnknownTrade`, `InvalidTradeState` when nothing can be taken back any more, or what `dispatch.send` raises.
    Should the process end half way, settlement releases the amount.
    """
    account_id = load_terms(trade_id).account_id
    envelope = Envelope(command_id=command_id, actor=actor, metadata=metadata or {})
    receipt = send(CancelTrade(trade_id, reason), envelope=envelope, expected_version=expected_version)
    step = replace(envelope, command_id=derive_id("cancelled-trade-release", command_id))
    with suppress(AccountNotOpen):  # a trade that came without an account has nothing frozen
        send(ReleaseAmount(account_id, trade_id), envelope=step)
    return receipt


def load_terms(trade_id: UUID) -> TradeSubmitted:
    """The terms of a trade; raises `UnknownTrade`."""
    for recorded in store.get_events(trade_id, to_version=1):
        if isinstance(recorded.event, TradeSubmitted):
            return recorded.event
    raise UnknownTrade(trade=trade_id)
