"""The commands of a trade, as resources: it is submitted, and what is done to it is posted beneath it."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar, Final
from uuid import UUID

from django.urls import reverse
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.messages import Name
from eventshop.eventstore.event_store import store
from eventshop.web.api import idempotency, request_parsing
from eventshop.web.api.aggregate_action import Action, is_owner
from eventshop.web.api.base_view import ApiView, signed_in
from eventshop.web.api.command_endpoint import CHANNEL, actor, answer
from eventshop.web.api.etag import expected_version
from eventshop.web.api.event_feed_views import StreamEvents
from eventshop.web.shared.errors import NotAllowed, NotFound
from trading.application.submit_trade import NewTrade, cancel, place
from trading.domain.commands import (
    BustTrade,
    CorrectTrade,
    ExecuteTrade,
    HoldSettlement,
    RejectTrade,
    ResumeSettlement,
    SettleTrade,
    TradeCommand,
)
from trading.domain.events import AccountOpened, Fill, Fills, TradeSubmitted

WRITE: Final = {"POST": "trades:write"}
SEEN_WITH: Final = "projections.view_tradeblotter"
_FILL: Final = {"venue_trade_id": "V-1", "price": "200.00", "quantity": "10", "at": "2026-01-30T12:00:00Z"}


class Reported(Struct, frozen=True, forbid_unknown_fields=True):
    """What the venue did: one fill, or all those of one sweep through its book."""

    example: ClassVar[dict[str, Any]] = {"fills": [_FILL]}

    fills: Fills


class Because(Struct, frozen=True, forbid_unknown_fields=True):
    """Why."""

    example: ClassVar[dict[str, Any]] = {"reason": "The client asked for it"}

    reason: Name


class Corrected(Struct, frozen=True, forbid_unknown_fields=True):
    """What a fill should have been, under the same number of the venue, and why."""

    example: ClassVar[dict[str, Any]] = {"fill": {**_FILL, "price": "199.98"}, "reason": "typed wrongly"}

    fill: Fill
    reason: Name


class Void(Struct, frozen=True, forbid_unknown_fields=True):
    """Which fill is void, and why."""

    example: ClassVar[dict[str, Any]] = {"venue_trade_id": "V-1", "reason": "erroneous print"}

    venue_trade_id: Name
    reason: Name


class Settled(Struct, frozen=True, forbid_unknown_fields=True):
    """The day on which goods and money changed hands."""

    example: ClassVar[dict[str, Any]] = {"settled_on": "2026-02-03"}

    settled_on: date


class SubmitTrades(ApiView):
    """Trades."""

    scopes: ClassVar[dict[str, str]] = WRITE
    body: ClassVar[type[Struct]] = NewTrade
    status = 201
    needs_version = False

    def post(self, request: Request) -> Response:
        """Buy or sell, for an account of yours. What it takes of the limits is frozen with it, or it is refused."""
        command_id, login = idempotency.command_id(request), signed_in(request)
        asked = request_parsing.read(request, NewTrade)
        opened = account_opened(asked.account_id)
        mine = opened is not None and is_owner(request, opened.owner_id)
        if not mine and not login.has_perm("projections.submit_trade"):
            raise NotFound if opened is None or not login.has_perm(SEEN_WITH) else NotAllowed
        with idempotency.alone(command_id):
            receipt = place(asked, by=actor(login), command_id=command_id, metadata=CHANNEL)
        return answer(request, receipt, status=201, location=reverse("api-trade", args=[receipt.aggregate_id]))


class TradeAction(Action):
    """Something done to a trade."""

    scopes: ClassVar[dict[str, str]] = WRITE
    owner = False
    seen_with = SEEN_WITH
    shown_at = "api-trade"

    def post(self, request: Request, trade_id: UUID) -> Response:
        return self.act(request, trade_id)

    def owner_of(self, aggregate_id: UUID) -> UUID | None:
        return owner_of_trade(aggregate_id)


class TradeFills(TradeAction):
    """Report fills. A fill that was reported before changes nothing."""

    body = Reported
    permission = "projections.fill_trade"
    status = 201

    def command(self, trade_id: UUID, asked: Reported, command_id: UUID) -> TradeCommand:
        return ExecuteTrade(trade_id, asked.fills)


class TradeRejection(TradeAction):
    """Do not let a trade through to the venue."""

    body = Because
    permission = "projections.reject_trade"

    def command(self, trade_id: UUID, asked: Because, command_id: UUID) -> TradeCommand:
        return RejectTrade(trade_id, asked.reason)


class TradeCancellation(TradeAction):
    """Take back what is still open of a trade, and release what it had frozen."""

    body = Because
    owner = True
    permission = "projections.cancel_trade"

    def post(self, request: Request, trade_id: UUID) -> Response:
        self.require_right(request, trade_id)
        asked, by = request_parsing.read(request, Because), actor(signed_in(request))
        command_id, seen = idempotency.command_id(request), expected_version(request)
        with idempotency.alone(command_id):
            receipt = cancel(
                trade_id, asked.reason, by=by, command_id=command_id, expected_version=seen, metadata=CHANNEL
            )
        return answer(request, receipt, status=200, location=reverse("api-trade", args=[trade_id]))


class TradeCorrections(TradeAction):
    """Put a fill right that was told wrongly. What was told stays on record."""

    body = Corrected
    permission = "projections.correct_trade"
    status = 201

    def command(self, trade_id: UUID, asked: Corrected, command_id: UUID) -> TradeCommand:
        return CorrectTrade(trade_id, asked.fill, asked.reason)


class TradeBusts(TradeAction):
    """Declare a fill void, as the venue has."""

    body = Void
    permission = "projections.correct_trade"
    status = 201

    def command(self, trade_id: UUID, asked: Void, command_id: UUID) -> TradeCommand:
        return BustTrade(trade_id, asked.venue_trade_id, asked.reason)


class TradeHold(TradeAction):
    """Hold the settlement of a trade back until it is resumed."""

    body = Because
    permission = "projections.settle_trade"

    def command(self, trade_id: UUID, asked: Because, command_id: UUID) -> TradeCommand:
        return HoldSettlement(trade_id, asked.reason)


class TradeResumption(TradeAction):
    """Let a trade settle again."""

    body = Because
    permission = "projections.settle_trade"

    def command(self, trade_id: UUID, asked: Because, command_id: UUID) -> TradeCommand:
        return ResumeSettlement(trade_id, asked.reason)


class TradeSettlement(TradeAction):
    """Settle a trade before its day. Afterwards nothing about it changes."""

    body = Settled
    permission = "projections.settle_trade"

    def command(self, trade_id: UUID, asked: Settled, command_id: UUID) -> TradeCommand:
        return SettleTrade(trade_id, asked.settled_on)


class TradeEvents(StreamEvents):
    """What happened to a trade, event by event: for the account's owner, and for staff who may read events."""

    def in_clear(self, request: Request, aggregate_id: UUID) -> bool:
        if is_owner(request, owner_of_trade(aggregate_id)):
            return True
        if not signed_in(request).has_perm(SEEN_WITH):
            raise NotFound
        return super().in_clear(request, aggregate_id)


def owner_of_trade(trade_id: UUID) -> UUID | None:
    """Whose account the trade is on; None for a house account, or one that was never opened. Raises `NotFound`."""
    for recorded in store.get_events(trade_id, to_version=1):
        if isinstance(recorded.event, TradeSubmitted):
            opened = account_opened(recorded.event.account_id)
            return opened.owner_id if opened else None
    raise NotFound


def account_opened(account_id: UUID) -> AccountOpened | None:
    for recorded in store.get_events(account_id, to_version=1):
        if isinstance(recorded.event, AccountOpened):
            return recorded.event
    return None
