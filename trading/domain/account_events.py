"""Events of the TradingAccount aggregate; `trading.domain.events` re-exports them."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, TypeAlias
from uuid import UUID

from eventshop.core.messages import Event, Text
from eventshop.core.personal_fields import NotPersonal
from trading.domain.cost_basis import CostMethod
from trading.domain.value_objects import Code, Currency, Reference


class AccountOpened(Event, frozen=True):
    """A trading account was opened with a gross limit over all instruments. `owner_id` is None for a house account."""

    account_id: UUID
    reference: Reference
    owner_id: UUID | None
    currency: Currency
    gross_limit: Decimal


class LimitSet(Event, frozen=True):
    """The limit of one instrument was set, or the gross limit over all if `instrument` is None."""

    account_id: UUID
    instrument: Code | None
    limit: Decimal


class CostMethodSet(Event, frozen=True):
    """The method by which the account's results are computed was chosen; before, it is the average cost."""

    account_id: UUID
    cost_method: CostMethod


class AmountFrozen(Event, frozen=True):
    """An open trade froze part of the limits."""

    account_id: UUID
    trade_id: UUID
    instrument: Code
    amount: Decimal


class FreezeRefused(Event, frozen=True):
    """A limit was too small, so nothing was frozen. `limit` names it: an instrument code, or `gross`."""

    account_id: UUID
    trade_id: UUID
    instrument: Code
    amount: Decimal
    limit: Annotated[Text, NotPersonal("an instrument's code, or `gross`")]
    available: Decimal


class AmountReleased(Event, frozen=True):
    """The amount that a trade had frozen is available again."""

    account_id: UUID
    trade_id: UUID
    instrument: Code
    amount: Decimal


AccountEvent: TypeAlias = AccountOpened | LimitSet | CostMethodSet | AmountFrozen | FreezeRefused | AmountReleased
