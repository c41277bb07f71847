"""Pages of the shop and of a customer's orders."""

from __future__ import annotations

from django.urls import path, register_converter

from orders import pages, shop_pages


class ProductCode:
    """What a product's code may be; anything else is no page."""

    regex = r"[\w.:+-]{1,100}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(ProductCode, "code")

app_name = "orders"
urlpatterns = [
    path("shop/", shop_pages.catalogue, name="catalogue"),
    path("shop/<code:sku>/", shop_pages.product, name="product"),
    path("basket/", shop_pages.basket, name="basket"),
    path("basket/<code:sku>/", shop_pages.change_basket, name="change-basket"),
    path("checkout/", shop_pages.checkout, name="checkout"),
    path("orders/<uuid:order_id>/", pages.order, name="order"),
    path("orders/<uuid:order_id>/invoice/", pages.invoice, name="invoice"),
    path("orders/<uuid:order_id>/invoice.pdf", pages.invoice_pdf, name="invoice-pdf"),
    path("orders/<uuid:order_id>/cancel/", pages.cancel, name="cancel"),
    path("orders/<uuid:order_id>/return/", pages.give_back, name="return"),
]
