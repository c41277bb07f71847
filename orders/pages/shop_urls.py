"""Pages of the shop and of a customer's orders."""

from __future__ import annotations

from django.urls import path, register_converter

from orders.pages import (
    basket_views,
    catalogue_views,
    checkout_views,
    document_views,
    info_views,
    order_views,
    payment_views,
    return_views,
    suggestion_views,
)


class ProductCode:
    """The path converter of product codes; other texts match no page."""

    regex = r"[\w.:+-]{1,100}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(ProductCode, "code")

app_name = "orders"
urlpatterns = [
    path("shop/", catalogue_views.catalogue, name="catalogue"),
    path("suggestions/", suggestion_views.suggestions, name="suggestions"),
    path("shop/<code:sku>/", catalogue_views.product, name="product"),
    path("terms/", info_views.terms, name="terms"),
    path("delivery/", info_views.delivery, name="delivery-terms"),
    path("returns/", info_views.returns, name="returns-terms"),
    path("contact/", info_views.contact, name="contact"),
    path("basket/", basket_views.basket, name="basket"),
    path("basket/<code:sku>/", basket_views.change_basket, name="change-basket"),
    path("checkout/", checkout_views.checkout, name="checkout"),
    path("checkout/address/", checkout_views.address, name="checkout-address"),
    path("checkout/delivery/", checkout_views.delivery, name="checkout-delivery"),
    path("checkout/payment/", checkout_views.payment, name="checkout-payment"),
    path("orders/<uuid:order_id>/done/", checkout_views.done, name="done"),
    path("orders/<uuid:order_id>/again/", basket_views.order_again, name="order-again"),
    path("orders/<uuid:order_id>/", order_views.order, name="order"),
    path("orders/<uuid:order_id>/pay/", payment_views.pay, name="pay"),
    path("orders/<uuid:order_id>/card/<uuid:form_id>/", payment_views.card, name="card"),
    path("orders/<uuid:order_id>/cancel/", order_views.cancel, name="cancel"),
    path("orders/<uuid:order_id>/return/", return_views.request_return, name="return"),
    path("orders/<uuid:order_id>/invoice/", document_views.invoice, name="invoice"),
    path("orders/<uuid:order_id>/confirmation.pdf", document_views.confirmation_pdf, name="confirmation-pdf"),
    path("orders/<uuid:order_id>/invoice.pdf", document_views.invoice_pdf, name="invoice-pdf"),
    path("orders/<uuid:order_id>/credit-notes/<int:number>/", document_views.credit_note, name="credit-note"),
    path(
        "orders/<uuid:order_id>/credit-notes/<int:number>.pdf", document_views.credit_note_pdf, name="credit-note-pdf"
    ),
]
