"""Who may trade how much: limits, and what open trades have frozen of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Self, assert_never
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from eventshop.core.aggregate import Aggregate
from eventshop.core.decimal_math import ZERO, subtract, add
from eventshop.core.message_registry import registry
from trading.domain.commands import AccountCommand, FreezeAmount, OpenAccount, ReleaseAmount, SetLimit
from trading.domain.errors import AccountAlreadyOpen, AccountNotOpen, AlreadyFrozen, WrongCurrency
from trading.domain.events import AccountEvent, AccountOpened, AmountFrozen, AmountReleased, FreezeRefused, LimitSet

GROSS = "gross"


class FrozenLimit(Struct, frozen=True):
    """What one open trade uses of the limits."""

    instrument: str
    amount: Decimal


class TradingAccount(Aggregate[AccountCommand, AccountEvent], frozen=True):
    """One account. The store lets one writer at a time decide, so that the last of a limit is used once.

    An instrument without a limit of its own is bound by the gross limit alone. A lowered limit takes nothing back.
    """

    opened: AccountOpened | None = None
    gross_limit: Decimal = ZERO
    limits: Mapping[str, Decimal] = {}  # by instrument
    frozen: Mapping[UUID, FrozenLimit] = {}  # by trade

    @staticmethod
    def id_of(command: AccountCommand) -> UUID:
        return command.account_id

    def decide(self, command: AccountCommand) -> list[AccountEvent]:
        if isinstance(command, OpenAccount):
            return self._open(command)
        if self.opened is None:
            raise AccountNotOpen(account=command.account_id)
        match command:
            case SetLimit() as it if self._limit_for(it.instrument) == it.limit:
                return []
            case SetLimit() as it:
                return [LimitSet(it.account_id, it.instrument, it.limit)]
            case FreezeAmount() as it if it.currency != self.opened.currency:
                raise WrongCurrency(account=self.opened.currency, trade=it.currency)
            case FreezeAmount() as it:
                return self._freeze(it)
            case ReleaseAmount() as it if it.trade_id in self.frozen:
                held = self.frozen[it.trade_id]
                return [AmountReleased(it.account_id, it.trade_id, held.instrument, held.amount)]
            case ReleaseAmount():
                return []
            case _:
                assert_never(command)

    def evolve(self, event: AccountEvent) -> Self:
        match event:
            case AccountOpened():
                return replace(self, opened=event, gross_limit=event.gross_limit)
            case LimitSet(instrument=code, limit=limit):
                return replace(self, gross_limit=limit) if code is None else self._with_limit(code, limit)
            case AmountFrozen():
                return replace(self, frozen={**self.frozen, event.trade_id: FrozenLimit(event.instrument, event.amount)})
            case AmountReleased():
                left = {trade: held for trade, held in self.frozen.items() if trade != event.trade_id}
                return replace(self, frozen=left)
            case FreezeRefused():
                return self
            case _:
                assert_never(event)

    def amount_in_use(self, instrument: str | None = None) -> Decimal:
        """What is frozen in one instrument, or over all."""
        used = ZERO
        for held in self.frozen.values():
            if instrument in (None, held.instrument):
                used = add(used, held.amount)
        return used

    def _open(self, it: OpenAccount) -> list[AccountEvent]:
        opened = AccountOpened(it.account_id, it.reference, it.owner_id, it.currency, it.gross_limit)
        if self.opened is None:
            return [opened]
        if self.opened == opened:
            return []
        raise AccountAlreadyOpen(account=it.account_id)

    def _with_limit(self, code: str, limit: Decimal) -> Self:
        return replace(self, limits={**self.limits, code: limit})

    def _limit_for(self, instrument: str | None) -> Decimal | None:
        return self.gross_limit if instrument is None else self.limits.get(instrument)

    def _freeze(self, it: FreezeAmount) -> list[AccountEvent]:
        if held := self.frozen.get(it.trade_id):
            if held == FrozenLimit(it.instrument, it.amount):
                return []
            raise AlreadyFrozen(trade=it.trade_id, frozen=held.amount, asked=it.amount)
        for limit, available in self._available_limits(it.instrument):
            if it.amount > available:
                return [
                    FreezeRefused(it.account_id, it.trade_id, it.instrument, it.amount, limit, max(available, ZERO))
                ]
        return [AmountFrozen(it.account_id, it.trade_id, it.instrument, it.amount)]

    def _available_limits(self, instrument: str) -> Iterator[tuple[str, Decimal]]:
        """What is left of each limit that binds this instrument."""
        if (own := self.limits.get(instrument)) is not None:
            yield instrument, subtract(own, self.amount_in_use(instrument))
        yield GROSS, subtract(self.gross_limit, self.amount_in_use())


registry.add(TradingAccount)
