"""What the console's search finds in the read models: orders, customers, people, products, trades and accounts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from django.contrib.admin.utils import quote
from django.db.models import Q
from django.urls import reverse

from eventshop.admin_console.display_names import short_name
from eventshop.admin_console.find.finders import MAX_HITS, Finder, Hit, Query
from eventshop.admin_console.formatting import format_amount
from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import EventShopError
from eventshop.core.messages import Envelope, new_id
from eventshop.core.request_context import note_access
from eventshop.eventstore import command_dispatcher
from eventshop.operations.staff_actors import staff_actor
from orders.models import Product
from projections.external_id_lookup import find_ids, find_subjects
from projections.models import (
    CustomerSummary,
    ExternalId,
    OrderSummary,
    StockLevel,
    TradeBlotter,
    TradingAccount,
    UserProfile,
)
from projections.row_lookup import find_order_ids, ids_of
from users import permissions
from users.application.accounts import person_by_email
from users.domain.commands import RecordAccess


def row_url(model: str, key: object) -> str:
    """The page of a read model's row."""
    return reverse(f"admin:projections_{model}_change", args=(quote(str(key)),))


def find_orders(query: Query) -> Iterator[Hit]:
    """Orders by a part of their number, id, end of the id, or external id, newest first."""
    orders = OrderSummary.objects.filter(pk__in=find_order_ids(query.text)).order_by("-created_at")
    for order in orders.only("reference", "kind", "status", "total", "currency")[: MAX_HITS + 1]:
        about = (
            f"{order.get_kind_display()}, {order.get_status_display()}, {format_amount(order.total, order.currency)}"
        )
        yield Hit(order.reference, about, row_url("ordersummary", order.pk))


def find_customers(query: Query) -> Iterator[Hit]:
    """Customers by their id, its end, or an external id: one hit for each currency."""
    ids = [*ids_of(CustomerSummary, "customer_id", query.text), *find_ids(ExternalId.Kind.CUSTOMER, query.text)]
    for row in CustomerSummary.objects.filter(customer_id__in=ids)[: MAX_HITS + 1]:
        about = f"Customer, {row.orders} orders in {row.currency}"
        yield Hit(short_name("Customer", row.customer_id), about, row_url("customersummary", row.pk))


def find_people_by_id(query: Query) -> Iterator[Hit]:
    """People by their id or its end."""
    for person in ids_of(UserProfile, "user_id", query.text):
        yield Hit(short_name("Person", person), "Person", row_url("userprofile", person))


def find_people_by_contact(query: Query) -> Iterator[Hit]:
    """People who have exactly this name, in any case, or e-mail address, which the blind index finds.

    To learn who has it is to be told of their data: each person's stream records it first, with the reason.
    """
    is_address = "@" in query.text
    holder = person_by_email(query.text) if is_address else None
    people = [holder] if holder else []
    if not is_address:
        named = UserProfile.objects.filter(name__iexact=query.text).order_by("-created_at")
        people = list(named.values_list("pk", flat=True)[: MAX_HITS + 1])
    for person in people:
        if _record_access(query, person, "email" if is_address else "name"):
            note_access(stream=person)
            yield Hit(short_name("Person", person), "Has exactly what you typed", row_url("userprofile", person))


def _record_access(query: Query, person: UUID, field: str) -> bool:
    """False where the person's data is erased, so that nothing is told of them."""
    actor = staff_actor(query.request.user)
    # One id for each person, the same when the form is sent twice.
    command_id = derive_id("find-person", f"{query.command_id or new_id()}:{person}")
    try:
        access = RecordAccess(person, (field,), query.reason, actor)
        command_dispatcher.send(access, envelope=Envelope(command_id, actor=actor))
    except EventShopError:
        return False
    return True


def find_stock(query: Query) -> Iterator[Hit]:
    """Stock levels by a part of the product code in any case, or by what another system calls the product."""
    skus = find_subjects(ExternalId.Kind.PRODUCT, query.text)
    for row in StockLevel.objects.filter(Q(sku__icontains=query.text) | Q(sku__in=skus)).order_by("sku")[
        : MAX_HITS + 1
    ]:
        yield Hit(row.sku, f"Stock, {row.on_hand:,} on hand", row_url("stocklevel", row.sku))


def find_products(query: Query) -> Iterator[Hit]:
    """Entries of the price list by a part of their name or code."""
    named = Product.objects.filter(Q(name__icontains=query.text) | Q(sku__icontains=query.text))
    for product in named.order_by("name")[: MAX_HITS + 1]:
        url = reverse("admin:orders_product_change", args=(quote(product.pk),))
        yield Hit(product.name, f"Product {product.sku}", url)


def find_trades(query: Query) -> Iterator[Hit]:
    """Trades by a part of their reference, their id or its end."""
    ids = ids_of(TradeBlotter, "trade_id", query.text)
    wanted = Q(pk__in=ids) if ids else Q(reference__icontains=query.text)
    for trade in TradeBlotter.objects.filter(wanted).order_by("-submitted_at", "-trade_id")[: MAX_HITS + 1]:
        about = f"Trade, {trade.get_status_display()}, {trade.side} {trade.instrument}"
        yield Hit(trade.reference, about, row_url("tradeblotter", trade.pk))


def find_accounts(query: Query) -> Iterator[Hit]:
    """Trading accounts by a part of their name, their id or its end."""
    ids = ids_of(TradingAccount, "account_id", query.text)
    wanted = Q(pk__in=ids) if ids else Q(reference__icontains=query.text)
    for account in TradingAccount.objects.filter(wanted).order_by("reference")[: MAX_HITS + 1]:
        yield Hit(account.reference, "Trading account", row_url("tradingaccount", account.pk))


FINDERS: Final = (
    Finder(kind="Orders", icon="shopping_cart", find=find_orders, permissions=("projections.view_ordersummary",)),
    Finder(kind="Customers", icon="group", find=find_customers, permissions=("projections.view_customersummary",)),
    Finder(kind="People", icon="person_search", find=find_people_by_id, permissions=("projections.view_userprofile",)),
    Finder(
        kind="People",
        icon="person_search",
        find=find_people_by_contact,
        permissions=("projections.view_userprofile", permissions.REVEAL_PERSONAL),
        is_recorded=True,
    ),
    Finder(kind="Stock", icon="warehouse", find=find_stock, permissions=("projections.view_stocklevel",)),
    Finder(kind="Products", icon="sell", find=find_products, permissions=("orders.view_product",)),
    Finder(kind="Trades", icon="candlestick_chart", find=find_trades, permissions=("projections.view_tradeblotter",)),
    Finder(kind="Trading accounts", icon="badge", find=find_accounts, permissions=("projections.view_tradingaccount",)),
)
