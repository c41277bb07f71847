"""Ownership of trading accounts. The read model lists the accounts of a person; the events answer for one account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias
from uuid import UUID

from eventshop.core.port import Port
from eventshop.eventstore.event_store import store
from trading.domain.events import AccountOpened

#: The accounts of a person, in the order of their names.
AccountsOf: TypeAlias = Callable[[UUID], list[UUID]]

owned_accounts: Final = Port[AccountsOf]("accounts of a person")


def accounts_of(person: UUID) -> list[UUID]:
    """The ids of a person's trading accounts, in the order of their names."""
    return owned_accounts.get()(person)


def is_owner(account_id: UUID, person: UUID) -> bool:
    """Whether a person owns an account, by its first event."""
    for recorded in store.get_events(account_id, to_version=1):
        return isinstance(recorded.event, AccountOpened) and recorded.event.owner_id == person
    return False
