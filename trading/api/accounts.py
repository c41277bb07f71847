"""Trading accounts and their limits as REST resources."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Final
from uuid import UUID

from django.urls import reverse
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.decimal_math import ZERO, subtract
from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import NonEmptyText
from eventshop.eventstore.event_store import store
from eventshop.operations.access_log.declarations import Kind, Logged
from eventshop.operations.rights import Audience, Rights
from eventshop.web.api import idempotency, request_parsing
from eventshop.web.api.aggregate_action import AggregateAction, is_owner, view_permission_for
from eventshop.web.api.base_view import ApiView, require_login, require_permission
from eventshop.web.api.command_endpoint import execute_command
from eventshop.web.api.etag import etag
from eventshop.web.api.event_feed_views import read_instant
from eventshop.web.api.pagination import refuse_unknown_parameters
from eventshop.web.api.resource_serializer import Amount, to_json
from eventshop.web.shared.errors import NotFound
from trading import permissions
from trading.api import url_names
from trading.api.trades import WRITE_SCOPES, load_account_opened
from trading.domain.account import TradingAccount
from trading.domain.commands import AccountCommand, OpenAccount, SetCostMethod, SetLimit
from trading.domain.cost_basis import CostMethod
from trading.domain.events import AccountOpened, Code, Currency

READ_SCOPES: Final = {"GET": "trades:read"}


class NewAccount(Struct, frozen=True, forbid_unknown_fields=True):
    """Owner, currency and gross limit of a new account. Without an owner it is a house account."""

    example: ClassVar[dict[str, Any]] = {"reference": "Desk 1", "currency": "EUR", "gross_limit": "10000"}

    reference: NonEmptyText
    currency: Currency
    gross_limit: Decimal
    owner_id: UUID | None = None


class AccountLimit(Struct, frozen=True, forbid_unknown_fields=True):
    """The limit of one instrument or, without an instrument, the gross limit over all."""

    example: ClassVar[dict[str, Any]] = {"instrument": "XETRA/SAP", "limit": "2500"}

    limit: Decimal
    instrument: Code | None = None


class AccountCostMethod(Struct, frozen=True, forbid_unknown_fields=True):
    """The method by which the account's results are computed: average cost, or first in, first out."""

    example: ClassVar[dict[str, Any]] = {"cost_method": "FIFO"}

    cost_method: CostMethod


class FrozenAmount(Struct, frozen=True):
    """The amount of the limits that one open trade uses."""

    trade_id: UUID
    instrument: str
    amount: Amount


class AccountState(Struct, frozen=True):
    """The current state of an account. `available` is the unused part of the gross limit."""

    example: ClassVar[dict[str, Any]] = {
        "account_id": "669bb4f1-c243-5436-852d-c494f0831ed0",
        "reference": "Desk 1",
        "owner_id": None,
        "currency": "EUR",
        "gross_limit": {"amount": "10000.00", "currency": "EUR"},
        "available": {"amount": "8000.00", "currency": "EUR"},
        "cost_method": "AVERAGE",
        "limits": {"XETRA/SAP": {"amount": "2500.00", "currency": "EUR"}},
        "frozen": [
            {
                "trade_id": "377be083-a813-5b51-a648-ec71b01c31d6",
                "instrument": "XETRA/SAP",
                "amount": {"amount": "2000.00", "currency": "EUR"},
            }
        ],
        "version": 3,
    }

    account_id: UUID
    reference: str
    owner_id: UUID | None
    currency: str
    gross_limit: Amount
    available: Amount
    cost_method: CostMethod
    limits: dict[str, Amount]
    frozen: list[FrozenAmount]
    version: int


class OpenAccounts(ApiView):
    """Trading accounts."""

    scopes: ClassVar[dict[str, str]] = WRITE_SCOPES
    rights: ClassVar[Mapping[str, Rights]] = {"POST": Rights(Audience.NOBODY, (permissions.OPEN_ACCOUNT,))}
    body: ClassVar[type[Struct]] = NewAccount
    status = 201
    needs_version = False

    def post(self, request: Request) -> Response:
        """Open a trading account."""
        require_permission(request, permissions.OPEN_ACCOUNT)
        account_id = derive_id("api-account", idempotency.command_id_from(request))
        body = request_parsing.parse_body(request, NewAccount)
        command = OpenAccount(account_id, body.reference, body.owner_id, body.currency, body.gross_limit)
        location = reverse(url_names.ACCOUNT, args=[account_id])
        return execute_command(request, lambda *_: command, status=201, location=location, needs_version=False)


class Account(ApiView):
    """A trading account, for its owner and for staff who may view trades."""

    access = Logged(Kind.STATE)
    scopes: ClassVar[dict[str, str]] = READ_SCOPES
    response_schemas: ClassVar[dict[str, type[Struct]]] = {"GET": AccountState}
    parameters: ClassVar[tuple[str, ...]] = ("as_of",)

    @classmethod
    def rights_of(cls, method: str) -> Rights:
        return Rights(Audience.OWNER, (view_permission_for(TradingAccount),))

    def get(self, request: Request, account_id: UUID) -> Response:
        """Its limits and frozen amounts, now or as recorded by a time."""
        refuse_unknown_parameters(request, self.parameters)
        if not (
            is_owner(request, _owner_of(account_id))
            or require_login(request).has_perm(view_permission_for(TradingAccount))
        ):
            raise NotFound
        state = _load_state(account_id, read_instant(request, "as_of"))
        response = Response(to_json(state))
        response["ETag"] = etag(state.version)
        return response


class AccountAction(AggregateAction):
    """What staff set of an account."""

    scopes: ClassVar[dict[str, str]] = WRITE_SCOPES
    owner_allowed = False
    permission = permissions.SET_LIMIT
    aggregate = TradingAccount
    url_name = url_names.ACCOUNT

    def post(self, request: Request, account_id: UUID) -> Response:
        return self.execute(request, account_id)

    def owner_of(self, aggregate_id: UUID) -> UUID | None:
        return _owner_of(aggregate_id)


class AccountLimits(AccountAction):
    """Set a limit. Lowering a limit releases no frozen amount."""

    body = AccountLimit

    def build_command(self, account_id: UUID, body: AccountLimit, command_id: UUID) -> AccountCommand:
        return SetLimit(account_id, body.instrument, body.limit)


class AccountCostMethods(AccountAction):
    """Choose the method by which the account's results are computed, past ones too."""

    body = AccountCostMethod

    def build_command(self, account_id: UUID, body: AccountCostMethod, command_id: UUID) -> AccountCommand:
        return SetCostMethod(account_id, body.cost_method)


def _owner_of(account_id: UUID) -> UUID | None:
    opened = load_account_opened(account_id)
    if opened is None:
        raise NotFound
    return opened.owner_id


def _load_state(account_id: UUID, as_of: datetime | None) -> AccountState:
    history = store.get_events(account_id, as_of=as_of)
    if not history:
        raise NotFound
    opened = history[0].event
    assert isinstance(opened, AccountOpened)  # noqa: S101  (narrows a type; an account begins with it)
    state = TradingAccount().evolve_all(recorded.event for recorded in history)

    def amount(value: Decimal) -> Amount:
        return Amount(value, opened.currency)

    in_use = [FrozenAmount(trade, frozen.instrument, amount(frozen.amount)) for trade, frozen in state.frozen.items()]
    return AccountState(
        account_id=account_id,
        reference=opened.reference,
        owner_id=opened.owner_id,
        currency=opened.currency,
        gross_limit=amount(state.gross_limit),
        available=amount(max(subtract(state.gross_limit, state.amount_in_use()), ZERO)),
        cost_method=state.cost_method,
        limits={code: amount(limit) for code, limit in state.limits.items()},
        frozen=in_use,
        version=len(history),
    )
