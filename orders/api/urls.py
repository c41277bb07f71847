"""URL paths of the API for orders and stock. `orders` itself, where orders are listed and posted, is in
`projections/api/urls.py`, because the list is a read model.
"""

from __future__ import annotations

from django.urls import path

from orders.api import catalogue, observed_facts, orders, payments, returns, stock

urlpatterns = [
    path("products", catalogue.ProductList.as_view(), name="api-products"),
    path("products/<str:sku>", catalogue.ProductRow.as_view(), name="api-product"),
    path("delivery-options", catalogue.DeliveryOptionList.as_view(), name="api-delivery-options"),
    path("payment-methods", catalogue.PaymentMethods.as_view(), name="api-payment-methods"),
    path("orders/<uuid:aggregate_id>/events", orders.OrderEvents.as_view(), name="api-order-events"),
    path("orders/<uuid:order_id>/payments", payments.Payments.as_view(), name="api-payments"),
    path("orders/<uuid:order_id>/shipment", orders.Shipments.as_view(), name="api-shipment"),
    path("orders/<uuid:order_id>/delivery", orders.Deliveries.as_view(), name="api-delivery"),
    path("orders/<uuid:order_id>/cancellation", orders.Cancellations.as_view(), name="api-cancellation"),
    path("orders/<uuid:order_id>/returns", returns.Returns.as_view(), name="api-returns"),
    path(
        "orders/<uuid:order_id>/returns/<str:reference>/acceptance",
        returns.ReturnAcceptances.as_view(),
        name="api-return-acceptance",
    ),
    path(
        "orders/<uuid:order_id>/returns/<str:reference>/decline",
        returns.ReturnDeclines.as_view(),
        name="api-return-decline",
    ),
    path(
        "orders/<uuid:order_id>/returns/<str:reference>/receipt",
        returns.ReturnReceipts.as_view(),
        name="api-return-receipt",
    ),
    path("orders/<uuid:order_id>/observed-facts", observed_facts.ObservedFacts.as_view(), name="api-observed-facts"),
    path("stock/<str:sku>/receipts", stock.StockReceipts.as_view(), name="api-stock-receipts"),
    path("stock/<str:sku>/write-offs", stock.WriteOffs.as_view(), name="api-write-offs"),
]
