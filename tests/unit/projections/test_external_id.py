"""What other systems call orders, customers and products."""

from __future__ import annotations

from msgspec.structs import replace

from eventshop.core.personal_fields import Redacted
from eventshop.testing.given_when_then import at, given_events
from orders.domain.events import ExternalId
from projections.external_id import external_id
from tests.support.sales import ADA, LANTERNS, Sale

LATER = "2026-02-03T10:00:00+00:00"
sale = Sale(1)
named = replace(
    sale.created,
    external_ids=(ExternalId("marketplace", "M-17/A"),),
    customer_external_id="online-retail:17850",
    lines=(replace(LANTERNS, external_ids=(ExternalId("supplier", "WML-6"),)),),
)


def test_each_identifier_has_a_row_and_the_customers_is_not_in_its_key() -> None:
    projected = given_events(named).project(external_id).rows(3)
    projected.row(("order", "marketplace", str(sale.order_id), "M-17/A")).has(
        value="M-17/A", search_value="m-17/a", customer_id=None
    )
    projected.row(("product", "supplier", "71053", "WML-6")).has(search_value="wml-6")
    customer = ("customer", "online-retail", str(ADA), "")
    projected.row(customer).has(value="17850", customer_id=ADA)
    assert all("17850" not in row.key for row in projected.rows_by_key.values())


def test_an_order_without_identifiers_has_no_row() -> None:
    given_events(sale.created).project(external_id).rows(0)


def test_the_newest_number_of_a_customer_counts_in_whatever_order_the_events_arrive() -> None:
    other = replace(Sale(2).created, customer_external_id="online-retail:99999")
    older, newer = named, at(other, LATER)
    for history in ((older, newer), (newer, older)):
        given_events(*history).project(external_id).row(("customer", "online-retail", str(ADA), "")).has(value="99999")


def test_a_value_may_hold_a_colon() -> None:
    number = replace(sale.created, customer_external_id="shop.example:EU:17")
    given_events(number).project(external_id).row(("customer", "shop.example", str(ADA), "")).has(value="EU:17")


def test_an_erased_number_gives_no_row() -> None:
    given_events(replace(sale.created, customer_external_id=Redacted("contact"))).project(external_id).rows(0)


def test_a_credit_note_has_identifiers_too() -> None:
    note = replace(sale.credited, external_ids=(ExternalId("online-retail", "C536379"),))
    given_events(note).project(external_id).rows(1)
