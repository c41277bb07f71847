"""The commands of a trade, as resources: it is submitted, and what is done to it is posted beneath it."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar, Final
from uuid import UUID

from django.urls import reverse
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.messages import NonEmptyText
from eventshop.eventstore.event_store import store
from eventshop.web.api import idempotency, request_parsing
from eventshop.web.api.aggregate_action import AggregateAction, is_owner
from eventshop.web.api.base_view import ApiView, require_login
from eventshop.web.api.command_endpoint import CHANNEL, actor_of, receipt_response
from eventshop.web.api.etag import expected_version
from eventshop.web.api.event_feed_views import StreamEvents
from eventshop.web.shared.errors import NotAllowed, NotFound
from trading import permissions
from trading.api import url_names
from trading.application.submit_trade import NewTrade, cancel_trade, submit_trade
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

WRITE_SCOPES: Final = {"POST": "trades:write"}
_FILL: Final = {"venue_trade_id": "V-1", "price": "200.00", "quantity": "10", "at": "2026-01-30T12:00:00Z"}


class FillReport(Struct, frozen=True, forbid_unknown_fields=True):
    """What the venue did: one fill, or all those of one sweep through its book."""

    example: ClassVar[dict[str, Any]] = {"fills": [_FILL]}

    fills: Fills


class Reason(Struct, frozen=True, forbid_unknown_fields=True):
    """Why."""

    example: ClassVar[dict[str, Any]] = {"reason": "The client asked for it"}

    reason: NonEmptyText


class FillCorrection(Struct, frozen=True, forbid_unknown_fields=True):
    """What a fill should have been, under the same number of the venue, and why."""

    example: ClassVar[dict[str, Any]] = {"fill": {**_FILL, "price": "199.98"}, "reason": "typed wrongly"}

    fill: Fill
    reason: NonEmptyText


class FillBust(Struct, frozen=True, forbid_unknown_fields=True):
    """Which fill is void, and why."""

    example: ClassVar[dict[str, Any]] = {"venue_trade_id": "V-1", "reason": "erroneous print"}

    venue_trade_id: NonEmptyText
    reason: NonEmptyText


class SettlementDay(Struct, frozen=True, forbid_unknown_fields=True):
    """The day on which goods and money changed hands."""

    example: ClassVar[dict[str, Any]] = {"settled_on": "2026-02-03"}

    settled_on: date


class SubmitTrades(ApiView):
    """Trades."""

    scopes: ClassVar[dict[str, str]] = WRITE_SCOPES
    body: ClassVar[type[Struct]] = NewTrade
    status = 201
    needs_version = False

    def post(self, request: Request) -> Response:
        """Buy or sell, for an account of yours. What it takes of the limits is frozen with it, or it is refused."""
        command_id, login = idempotency.command_id_from(request), require_login(request)
        asked = request_parsing.parse_body(request, NewTrade)
        opened = load_account_opened(asked.account_id)
        mine = opened is not None and is_owner(request, opened.owner_id)
        if not mine and not login.has_perm(permissions.SUBMIT_TRADE):
            raise NotFound if opened is None or not login.has_perm(view_permission_for(Trade)) else NotAllowed
        with idempotency.command_lock(command_id):
            receipt = submit_trade(asked, actor=actor_of(login), command_id=command_id, metadata=CHANNEL)
        return receipt_response(
            request, receipt, status=201, location=reverse(url_names.TRADE, args=[receipt.aggregate_id])
        )


class TradeAction(AggregateAction):
    """Something done to a trade."""

    scopes: ClassVar[dict[str, str]] = WRITE_SCOPES
    owner_allowed = False
    aggregate = Trade
    url_name = url_names.TRADE

    def post(self, request: Request, trade_id: UUID) -> Response:
        return self.execute(request, trade_id)

    def owner_of(self, aggregate_id: UUID) -> UUID | None:
        return trade_owner(aggregate_id)


class TradeFills(TradeAction):
    """Report fills. A fill that was reported before changes nothing."""

    body = FillReport
    permission = permissions.FILL_TRADE
    status = 201

    def build_command(self, trade_id: UUID, asked: FillReport, command_id: UUID) -> TradeCommand:
        return ExecuteTrade(trade_id, asked.fills)


class TradeRejection(TradeAction):
    """Do not let a trade through to the venue."""

    body = Reason
    permission = permissions.REJECT_TRADE

    def build_command(self, trade_id: UUID, asked: Reason, command_id: UUID) -> TradeCommand:
        return RejectTrade(trade_id, asked.reason)


class TradeCancellation(TradeAction):
    """Take back what is still open of a trade, and release what it had frozen."""

    body = Reason
    owner_allowed = True
    permission = permissions.CANCEL_TRADE

    def post(self, request: Request, trade_id: UUID) -> Response:
        self.check_access(request, trade_id)
        asked, by = request_parsing.parse_body(request, Reason), actor_of(require_login(request))
        command_id, seen = idempotency.command_id_from(request), expected_version(request)
        with idempotency.command_lock(command_id):
            receipt = cancel_trade(
                trade_id, asked.reason, actor=by, command_id=command_id, expected_version=seen, metadata=CHANNEL
            )
        return receipt_response(request, receipt, status=200, location=reverse(url_names.TRADE, args=[trade_id]))


class TradeCorrections(TradeAction):
    """Put a fill right that was told wrongly. What was told stays on record."""

    body = FillCorrection
    permission = permissions.CORRECT_TRADE
    status = 201

    def build_command(self, trade_id: UUID, asked: FillCorrection, command_id: UUID) -> TradeCommand:
        return CorrectTrade(trade_id, asked.fill, asked.reason)


class TradeBusts(TradeAction):
    """Declare a fill void, as the venue has."""

    body = FillBust
    permission = permissions.CORRECT_TRADE
    status = 201

    def build_command(self, trade_id: UUID, asked: FillBust, command_id: UUID) -> TradeCommand:
        return BustTrade(trade_id, asked.venue_trade_id, asked.reason)


class TradeHold(TradeAction):
    """Hold the settlement of a trade back until it is resumed."""

    body = Reason
    permission = permissions.SETTLE_TRADE

    def build_command(self, trade_id: UUID, asked: Reason, command_id: UUID) -> TradeCommand:
        return HoldSettlement(trade_id, asked.reason)


class TradeResumption(TradeAction):
    """Let a trade settle again."""

    body = Reason
    permission = permissions.SETTLE_TRADE

    def build_command(self, trade_id: UUID, asked: Reason, command_id: UUID) -> TradeCommand:
        return ResumeSettlement(trade_id, asked.reason)


class TradeSettlement(TradeAction):
    """Settle a trade before its day. Afterwards nothing about it changes."""

    body = SettlementDay
    permission = permissions.SETTLE_TRADE

    def build_command(self, trade_id: UUID, asked: SettlementDay, command_id: UUID) -> TradeCommand:
        return SettleTrade(trade_id, asked.settled_on)


class TradeEvents(StreamEvents):
    """What happened to a trade, event by event: for the account's owner, and for staff who may read events."""

    def shows_personal_data(self, request: Request, aggregate_id: UUID) -> bool:
        if is_owner(request, trade_owner(aggregate_id)):
            return True
        if not require_login(request).has_perm(view_permission_for(Trade)):
            raise NotFound
        return super().shows_personal_data(request, aggregate_id)


def trade_owner(trade_id: UUID) -> UUID | None:
    """Whose account the trade is on; None for a house account, or one that was never opened. Raises `NotFound`."""
    for recorded in store.get_events(trade_id, to_version=1):
        if isinstance(recorded.event, TradeSubmitted):
            opened = load_account_opened(recorded.event.account_id)
            return opened.owner_id if opened else None
    raise NotFound


def load_account_opened(account_id: UUID) -> AccountOpened | None:
    for recorded in store.get_events(account_id, to_version=1):
        if isinstance(recorded.event, AccountOpened):
            return recorded.event
    return None
