"""Trading accounts as their owner sees them, read from their events: limits and frozen amounts."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from eventshop.core.decimal_math import ZERO, subtract
from eventshop.eventstore.event_store import store
from trading.application.account_owner_port import accounts_of
from trading.domain.account import FrozenLimit, TradingAccount
from trading.domain.events import AccountOpened

#: The name of the gross limit.
ALL_INSTRUMENTS: Final = "All instruments"


class LimitUsage(NamedTuple):
    """One limit of an account, the amount that open trades use, and the amount that is available."""

    name: str
    limit: Decimal
    used: Decimal

    @property
    def available(self) -> Decimal:
        return max(subtract(self.limit, self.used), ZERO)


class CustomerAccount(NamedTuple):
    """One trading account of a person in its current state."""

    id: UUID
    opening_event: AccountOpened
    state: TradingAccount

    @property
    def limits(self) -> list[LimitUsage]:
        gross = LimitUsage(ALL_INSTRUMENTS, self.state.gross_limit, self.state.amount_in_use())
        own = (
            LimitUsage(code, limit, self.state.amount_in_use(code)) for code, limit in sorted(self.state.limits.items())
        )
        return [gross, *own]

    @property
    def frozen(self) -> list[tuple[UUID, FrozenLimit]]:
        return list(self.state.frozen.items())

    def tightest_limit(self, instrument: str) -> LimitUsage:
        """The limit with the smallest available amount for an instrument."""
        binding = [limit for limit in self.limits if limit.name in (ALL_INSTRUMENTS, instrument)]
        return min(binding, key=lambda limit: limit.available)


def load_customer_accounts(person: UUID) -> list[CustomerAccount]:
    """All trading accounts of a person."""
    return [account for account_id in accounts_of(person) if (account := load_customer_account(account_id, person))]


def load_customer_account(account_id: UUID, person: UUID) -> CustomerAccount | None:
    """A trading account of a person; None if it does not exist or belongs to somebody else."""
    events = store.get_events(account_id)
    if not events or not isinstance(events[0].event, AccountOpened) or events[0].event.owner_id != person:
        return None
    return CustomerAccount(account_id, events[0].event, TradingAccount().evolve_all(event.event for event in events))
