"""What orders and stock add to EventShop."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings

from eventshop.admin_console.sidebar import SidebarItem, SidebarSection
from eventshop.cli.importing.importer import FileImporter
from eventshop.cli.importing.sent_files import SentFiles
from eventshop.operations.roles import RolePart, view
from eventshop.operations.row_retention import Retention
from eventshop.plugins.plugin import Plugin
from eventshop.privacy.erasure.personal_data_holders import PersonalDataHolder
from eventshop.web.api.command_outcomes import TerminalEvents
from eventshop.web.imports.import_kinds import ImportKind
from eventshop.web.pages.navigation import NavigationEntry
from orders import permissions
from orders.api.url_names import ORDER
from orders.application.basket import count_items
from orders.application.customer_order import order_updates
from orders.application.data_uses import hand_over_parcel, with_ground
from orders.application.documents import DOCUMENTS
from orders.application.letters import ORDER_LETTERS
from orders.application.payload_indexes import PAYLOAD_INDEXES
from orders.application.payment_texts import erase_payment_texts
from orders.demo.customer import demo_customer_commands
from orders.demo.faults import fault_commands
from orders.domain import errors
from orders.domain.commands import CreateOrder, RequestPayment
from orders.domain.document_series import DocumentSeries
from orders.domain.events import OrderCancelled, OrderShipped, PaymentAuthorised, PaymentDeclined, PaymentProcessed
from orders.domain.order import Order
from orders.domain.stock_item import StockItem
from orders.domain.upcasters import upcasters
from orders.models import GatewayMessage
from orders.pages import catalogue_views
from orders.payment_gateway.factory import payment_gateway, recalled_payment_gateway
from orders.payment_gateway.health import check_gateway_key, check_payments
from orders.sagas.fulfilment_effects import (
    CapturePayment,
    HandOverParcel,
    RefundPayment,
    TakePayment,
    VoidAuthorisation,
)
from orders.sagas.fulfilment_saga import Fulfilment
from orders.sagas.fulfilment_state import FulfilmentState
from orders.sagas.fulfilment_values import FulfilmentTerms
from orders.sagas.fulfilment_version_1 import FulfilmentOfVersion1
from orders.sagas.payment_effects import PaymentEffects
from orders.sagas.return_window_saga import ReturnWindow

_effects, _recalled = PaymentEffects(payment_gateway), PaymentEffects(recalled_payment_gateway)


def _fulfilment_terms() -> FulfilmentTerms:
    return FulfilmentTerms(
        timedelta(seconds=settings.PAYMENT_DEADLINE_S),
        timedelta(seconds=settings.SHIPPING_DELAY_S),
        settings.PAYMENT_CAPTURE_ON_SHIPPING,
    )


def _retail_importer() -> FileImporter[Any]:
    from orders.importers.online_retail.importer import OnlineRetailImporter  # web servers need not load it

    return OnlineRetailImporter()


FulfilmentState.terms = _fulfilment_terms
ReturnWindow.length = lambda: timedelta(days=settings.RETURN_WINDOW_DAYS)

PLUGIN = Plugin(
    aggregates=[Order, StockItem, DocumentSeries],
    effect_projections=[DOCUMENTS],
    payload_indexes=PAYLOAD_INDEXES,
    upcasters=[upcasters],
    error_modules=[errors],
    sagas=[FulfilmentOfVersion1, Fulfilment, ReturnWindow],
    effect_handlers={
        TakePayment: with_ground(_effects.take_payment),
        HandOverParcel: hand_over_parcel,
        CapturePayment: _effects.capture_payment,
        VoidAuthorisation: _effects.void_authorisation,
        RefundPayment: _effects.refund_payment,
    },
    recall_handlers={
        TakePayment: _recalled.take_payment,
        CapturePayment: _recalled.capture_payment,
        VoidAuthorisation: _recalled.void_authorisation,
        RefundPayment: _recalled.refund_payment,
    },
    health_checks=[check_payments, check_gateway_key],
    personal_data=[PersonalDataHolder("payments", erase=erase_payment_texts)],
    retentions=[
        Retention(
            name="remove-old-gateway-messages",
            model=GatewayMessage,
            since="last_at",
            setting="GATEWAY_MESSAGES_KEPT_DAYS",
        )
    ],
    imports=[
        ImportKind(
            "online-retail",
            "Invoices of a shop, a line each",
            (permissions.IMPORT_FACTS,),
            "orders:write",
            SentFiles(_retail_importer),
        )
    ],
    api_urls=["orders.api.urls"],
    page_urls=["orders.pages.shop_urls", "orders.pages.urls"],
    start_page=[catalogue_views.start],
    navigation=[
        NavigationEntry("Shop", "orders:catalogue", order=10, about="Products for kitchen, house and garden."),
        NavigationEntry(
            "Basket", "orders:basket", order=15, about="What you have put into your basket.", number=count_items
        ),
    ],
    letters=ORDER_LETTERS,
    live_sources=[order_updates],
    command_outcomes={
        CreateOrder: TerminalEvents((OrderShipped,), (OrderCancelled,), ORDER),
        RequestPayment: TerminalEvents((PaymentProcessed, PaymentAuthorised), (PaymentDeclined, OrderCancelled), ORDER),
    },
    roles=[
        RolePart(
            "Support", (*view("orders", "product", "payment"), permissions.CANCEL_ORDER, permissions.REFUND_ORDER)
        ),
        RolePart(
            "Finance",
            (
                *view("orders", "product", "payment", "gatewaymessage"),
                *("orders.add_product", "orders.change_product"),
                *(permissions.REFUND_ORDER, permissions.IMPORT_FACTS),
            ),
        ),
        RolePart("Auditor", view("orders", "product", "payment", "gatewaymessage")),
    ],
    sidebar=[
        SidebarSection(
            "Shop",
            10,
            [
                SidebarItem("Price list", "sell", "orders.product", order=80),
                SidebarItem("Shelves", "shelves", "orders.category", order=81),
                SidebarItem("Delivery", "local_shipping", "orders.deliveryoption", order=82),
            ],
        ),
        SidebarSection(
            "Sagas and payments",
            40,
            [
                SidebarItem("Payments", "payments", "orders.payment"),
                SidebarItem("Payment webhooks", "mark_email_unread", "orders.gatewaymessage"),
            ],
        ),
    ],
    customer_demo=[demo_customer_commands],
    demo_faults=[fault_commands],
)
