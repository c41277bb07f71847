"""What orders and trades hold whose duty of retention has ended: found by stream, and erased with its keys.

The name and address of a customer have one key for all their orders: it is destroyed once their last order is due.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from eventshop.eventstore.models import StoredEvent
from eventshop.privacy.encryption import personal_keys
from eventshop.privacy.erasure.personal_data_holders import ExpiredItem
from eventshop.privacy.expired_streams import ExpiredStream, expired_streams, newest_events
from eventshop.projections.personal_columns import erase_subjects
from eventshop.projections.projection import projection_registry
from projections.models import OrderSummary, TradeBlotter, TradingAccount
from users.application.legal_holds import people_on_hold

HELD: Final = "legal hold"
#: Columns of an order whose values have the key of the order; the others have the customer's.
_OF_THE_ORDER: Final = ("received_by", "carrier", "tracking", "reason")
#: Orders that the read model may be behind.
_MAY_LAG: Final = 5_000
_OF_THE_CUSTOMER: Final = ("delivery", "returns")


class _Customer(msgspec.Struct):
    customer_id: UUID | None = None


def _with_holds(page: Sequence[ExpiredStream], owners: Mapping[UUID, UUID | None]) -> Iterator[ExpiredItem]:
    """What is due, or held because of the person who owns it."""
    held = people_on_hold({owner for owner in owners.values() if owner})
    for item in page:
        yield ExpiredItem(item.stream, item.ended_at, HELD if owners.get(item.stream) in held else "")


def expired_orders(before: datetime) -> Iterator[ExpiredItem]:
    for page in expired_streams("Order", before):
        yield from _with_holds(page, {item.stream: _customer_of(item.first_payload) for item in page})


def erase_expired_orders(orders: Collection[UUID]) -> str:
    """Destroy the keys of orders, and those of customers who have no younger order."""
    firsts = StoredEvent.objects.filter(aggregate_id__in=orders, version=1).values_list("aggregate_id", "payload")
    owners = {order: _customer_of(payload) for order, payload in firsts}
    personal_keys.destroy_all_keys(orders)
    anonymous = [order for order in orders if owners.get(order) is None]
    count = erase_subjects(anonymous, projection_registry)
    count += erase_subjects(orders, projection_registry, columns=_OF_THE_ORDER)
    newest = max(newest_events(list(orders)).values())
    unseen = _customers_of_orders_since(newest)
    for customer in {owner for owner in owners.values() if owner} - unseen:
        if not _has_younger_order(customer, newest):
            count += _erase_customer(customer)
    return f"{count} rows emptied"


def expired_trades(before: datetime) -> Iterator[ExpiredItem]:
    for page in expired_streams("Trade", before):
        yield from _with_holds(page, _owners_of_trades([item.stream for item in page]))


def _owners_of_trades(trades: list[UUID]) -> dict[UUID, UUID]:
    accounts = dict(TradeBlotter.objects.filter(pk__in=trades).values_list("pk", "account_id"))
    owned = TradingAccount.objects.filter(pk__in=set(accounts.values()), owner_id__isnull=False)
    owners = {account: owner for account, owner in owned.values_list("pk", "owner_id") if owner}
    return {trade: owners[account] for trade, account in accounts.items() if account in owners}


def erase_expired_trades(trades: Collection[UUID]) -> str:
    personal_keys.destroy_all_keys(trades)
    return f"{erase_subjects(trades, projection_registry)} rows emptied"


def has_traded(person: UUID) -> bool:
    return TradingAccount.objects.filter(owner_id=person).exists()


def is_used_since(person: UUID, since: datetime) -> bool:
    """Whether the person's orders or trades have moved since then."""
    if OrderSummary.objects.filter(customer_id=person, updated_at__gte=since).exists():
        return True
    accounts = TradingAccount.objects.filter(owner_id=person).values("pk")
    return TradeBlotter.objects.filter(account_id__in=accounts, updated_at__gte=since).exists()


def _customer_of(payload: str) -> UUID | None:
    return msgspec.json.decode(payload, type=_Customer).customer_id


def _customers_of_orders_since(time: datetime) -> set[UUID | None]:
    """The customers of the newest orders, which the read model of orders may not know yet."""
    newest = StoredEvent.objects.filter(aggregate_type="Order", version=1).order_by("-position")
    rows = newest.values_list("payload", "recorded_at")[:_MAY_LAG]
    return {_customer_of(payload) for payload, recorded_at in rows if recorded_at > time}


def _has_younger_order(customer: UUID, than: datetime) -> bool:
    orders = OrderSummary.objects.filter(customer_id=customer).values_list("pk", flat=True)
    return any(ended_at > than for ended_at in newest_events(list(orders)).values())


def _erase_customer(customer: UUID) -> int:
    """A customer without an account has nothing else; one with an account may order again tomorrow."""
    if StoredEvent.objects.filter(aggregate_id=customer).exists():
        personal_keys.replace_keys([customer], _OF_THE_CUSTOMER)
        return erase_subjects([customer], projection_registry, _OF_THE_CUSTOMER)
    personal_keys.destroy_keys(customer)
    return erase_subjects([customer], projection_registry)
