"""What can be done to an order, each at its own address; the orders themselves stand beside the read models."""

from __future__ import annotations

from django.urls import path

from orders import api, stock_api

urlpatterns = [
    path("orders/<uuid:aggregate_id>/events", api.OrderEvents.as_view(), name="api-order-events"),
    path("orders/<uuid:order_id>/payments", api.Payments.as_view(), name="api-payments"),
    path("orders/<uuid:order_id>/shipment", api.Shipments.as_view(), name="api-shipment"),
    path("orders/<uuid:order_id>/delivery", api.Deliveries.as_view(), name="api-delivery"),
    path("orders/<uuid:order_id>/cancellation", api.Cancellations.as_view(), name="api-cancellation"),
    path("orders/<uuid:order_id>/returns", api.Returns.as_view(), name="api-returns"),
    path("stock/<str:sku>/receipts", stock_api.StockReceipts.as_view(), name="api-stock-receipts"),
    path("stock/<str:sku>/write-offs", stock_api.WriteOffs.as_view(), name="api-write-offs"),
]
