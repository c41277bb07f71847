"""Commands of trades as REST resources: trades are submitted, and actions are posted beneath a trade."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar, Final
from uuid import UUID

from django.urls import reverse
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.messages import NonEmptyText
from eventshop.eventstore.event_store import store
from eventshop.operations.rights import Audience, Rights
from eventshop.web.api import idempotency, request_parsing
from eventshop.web.api.aggregate_action import AggregateAction, is_owner, view_permission_for
from eventshop.web.api.base_view import VIEW_EVENTS, ApiView, require_login
from eventshop.web.api.command_endpoint import CHANNEL, actor_of, receipt_response
from eventshop.web.api.etag import expected_version
from eventshop.web.api.event_feed_views import StreamEvents
from eventshop.web.shared.errors import NotAllowed, NotFound
from trading import permissions
from trading.api import url_names
from trading.application.submit_trade import NewTrade, amend_trade, cancel_trade, submit_trade
from trading.domain.commands import (
    AmendTrade,
    BustTrade,
    CorrectTrade,
    ExecuteTrade,
    HoldSettlement,
    RejectTrade,
    ResumeSettlement,
    ReviewTrade,
    SettleTrade,
    TradeCommand,
)
from trading.domain.events import AccountOpened, Fill, Fills, TradeSubmitted
from trading.domain.fills import check_fill_times
from trading.domain.trade import Trade

WRITE_SCOPES: Final = {"POST": "trades:write"}
_FILL: Final = {"venue_trade_id": "V-1", "price": "200.00", "quantity": "10", "at": "2026-01-30T12:00:00Z"}


class FillReport(Struct, frozen=True, forbid_unknown_fields=True):
    """The fills of the venue: one fill, or all fills of one sweep through its order book."""

    example: ClassVar[dict[str, Any]] = {"fills": [_FILL]}

    fills: Fills


class Reason(Struct, frozen=True, forbid_unknown_fields=True):
    """The reason of the action."""

    example: ClassVar[dict[str, Any]] = {"reason": "The client body for it"}

    reason: NonEmptyText


class Amendment(Struct, frozen=True, forbid_unknown_fields=True):
    """The new quantity, the new limit price or both, and the reason. What is missing stays as it is."""

    example: ClassVar[dict[str, Any]] = {"quantity": "8", "limit_price": "199.00", "reason": "the market moved"}

    reason: NonEmptyText
    quantity: Decimal | None = None
    limit_price: Decimal | None = None


class FillCorrection(Struct, frozen=True, forbid_unknown_fields=True):
    """The right values of a fill with the same `venue_trade_id`, and the reason."""

    example: ClassVar[dict[str, Any]] = {"fill": {**_FILL, "price": "199.98"}, "reason": "typed wrongly"}

    fill: Fill
    reason: NonEmptyText


class FillBust(Struct, frozen=True, forbid_unknown_fields=True):
    """The fill that is void, and the reason."""

    example: ClassVar[dict[str, Any]] = {"venue_trade_id": "V-1", "reason": "erroneous print"}

    venue_trade_id: NonEmptyText
    reason: NonEmptyText


class SettlementDay(Struct, frozen=True, forbid_unknown_fields=True):
    """The value date of the settlement."""

    example: ClassVar[dict[str, Any]] = {"settled_on": "2026-02-03"}

    settled_on: date


class SubmitTrades(ApiView):
    """Trades."""

    scopes: ClassVar[dict[str, str]] = WRITE_SCOPES
    rights: ClassVar[Mapping[str, Rights]] = {"POST": Rights(Audience.OWNER, (permissions.SUBMIT_TRADE,))}
    body: ClassVar[type[Struct]] = NewTrade
    status = 201
    needs_version = False

    def post(self, request: Request) -> Response:
        """Submit an order for one of your accounts and freeze its amount; it is refused if a limit is too small."""
        command_id, login = idempotency.command_id_from(request), require_login(request)
        body = request_parsing.parse_body(request, NewTrade)
        opened = load_account_opened(body.account_id)
        is_own = opened is not None and is_owner(request, opened.owner_id)
        # What was open at the venue before is known to staff only.
        if not (is_own and body.taken_in is None) and not login.has_perm(permissions.SUBMIT_TRADE):
            may_see = is_own or (opened is not None and login.has_perm(view_permission_for(Trade)))
            raise NotAllowed if may_see else NotFound
        with idempotency.command_lock(command_id):
            receipt = submit_trade(body, actor=actor_of(login), command_id=command_id, metadata=CHANNEL)
        return receipt_response(
            request, receipt, status=201, location=reverse(url_names.TRADE, args=[receipt.aggregate_id])
        )


class TradeAction(AggregateAction):
    """Base of the views that act on a trade."""

    scopes: ClassVar[dict[str, str]] = WRITE_SCOPES
    owner_allowed = False
    aggregate = Trade
    url_name = url_names.TRADE

    def post(self, request: Request, trade_id: UUID) -> Response:
        return self.execute(request, trade_id)

    def owner_of(self, aggregate_id: UUID) -> UUID | None:
        return trade_owner(aggregate_id)


class TradeFills(TradeAction):
    """Report fills, in every state of the trade. Reporting the same fill again changes nothing."""

    body = FillReport
    permission = permissions.FILL_TRADE
    status = 201

    def build_command(self, trade_id: UUID, body: FillReport, command_id: UUID) -> TradeCommand:
        check_fill_times(body.fills, datetime.now(UTC))
        return ExecuteTrade(trade_id, body.fills)


class TradeRejection(TradeAction):
    """Reject a trade before it reaches the venue."""

    body = Reason
    permission = permissions.REJECT_TRADE

    def build_command(self, trade_id: UUID, body: Reason, command_id: UUID) -> TradeCommand:
        return RejectTrade(trade_id, body.reason)


class TradeCancellation(TradeAction):
    """Cancel the open quantity of a trade and release its frozen amount."""

    body = Reason
    owner_allowed = True
    permission = permissions.CANCEL_TRADE

    def post(self, request: Request, trade_id: UUID) -> Response:
        self.check_access(request, trade_id)
        body, actor = request_parsing.parse_body(request, Reason), actor_of(require_login(request))
        command_id, version = idempotency.command_id_from(request), expected_version(request)
        with idempotency.command_lock(command_id):
            receipt = cancel_trade(
                trade_id, body.reason, actor=actor, command_id=command_id, expected_version=version, metadata=CHANNEL
            )
        return receipt_response(request, receipt, status=200, location=reverse(url_names.TRADE, args=[trade_id]))


class TradeAmendment(TradeAction):
    """Amend quantity or limit price of an open trade, and the amount that it freezes."""

    body = Amendment
    owner_allowed = True
    permission = permissions.AMEND_TRADE

    def post(self, request: Request, trade_id: UUID) -> Response:
        self.check_access(request, trade_id)
        body, actor = request_parsing.parse_body(request, Amendment), actor_of(require_login(request))
        command_id, version = idempotency.command_id_from(request), expected_version(request)
        command = AmendTrade(trade_id, body.reason, body.quantity, body.limit_price)
        with idempotency.command_lock(command_id):
            receipt = amend_trade(
                command, actor=actor, command_id=command_id, expected_version=version, metadata=CHANNEL
            )
        return receipt_response(request, receipt, status=200, location=reverse(url_names.TRADE, args=[trade_id]))


class TradeCorrections(TradeAction):
    """Correct a fill that was reported wrongly. The reported values stay on record."""

    body = FillCorrection
    permission = permissions.CORRECT_TRADE
    status = 201

    def build_command(self, trade_id: UUID, body: FillCorrection, command_id: UUID) -> TradeCommand:
        check_fill_times([body.fill], datetime.now(UTC))
        return CorrectTrade(trade_id, body.fill, body.reason)


class TradeBusts(TradeAction):
    """Declare a fill void, as the venue did."""

    body = FillBust
    permission = permissions.CORRECT_TRADE
    status = 201

    def build_command(self, trade_id: UUID, body: FillBust, command_id: UUID) -> TradeCommand:
        return BustTrade(trade_id, body.venue_trade_id, body.reason)


class TradeReview(TradeAction):
    """Confirm that what was flagged in a trade has been looked at."""

    body = Reason
    permission = permissions.CORRECT_TRADE

    def build_command(self, trade_id: UUID, body: Reason, command_id: UUID) -> TradeCommand:
        return ReviewTrade(trade_id, body.reason)


class TradeHold(TradeAction):
    """Put the settlement of a trade on hold until it is resumed."""

    body = Reason
    permission = permissions.SETTLE_TRADE

    def build_command(self, trade_id: UUID, body: Reason, command_id: UUID) -> TradeCommand:
        return HoldSettlement(trade_id, body.reason)


class TradeResumption(TradeAction):
    """Release the hold on the settlement of a trade."""

    body = Reason
    permission = permissions.SETTLE_TRADE

    def build_command(self, trade_id: UUID, body: Reason, command_id: UUID) -> TradeCommand:
        return ResumeSettlement(trade_id, body.reason)


class TradeSettlement(TradeAction):
    """Settle a trade before its settlement day."""

    body = SettlementDay
    permission = permissions.SETTLE_TRADE

    def build_command(self, trade_id: UUID, body: SettlementDay, command_id: UUID) -> TradeCommand:
        return SettleTrade(trade_id, body.settled_on)


class TradeEvents(StreamEvents):
    """The events of a trade, for the owner of its account and for staff who may view events."""

    @classmethod
    def rights_of(cls, method: str) -> Rights:
        return Rights(Audience.OWNER, (view_permission_for(Trade), VIEW_EVENTS))

    def shows_personal_data(self, request: Request, aggregate_id: UUID) -> bool:
        if is_owner(request, trade_owner(aggregate_id)):
            return True
        if not require_login(request).has_perm(view_permission_for(Trade)):
            raise NotFound
        return super().shows_personal_data(request, aggregate_id)


def trade_owner(trade_id: UUID) -> UUID | None:
    """The owner of the trade's account; None for a house account or an unopened one. Raises `NotFound`."""
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
