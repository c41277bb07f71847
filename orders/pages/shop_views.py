"""The shop's pages: catalogue, product, basket and checkout."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import EventShopError
from eventshop.core.messages import Envelope
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.command_receipts import Receipt
from eventshop.eventstore.event_store import store
from eventshop.operations.rights import Audience, open_to
from eventshop.web.pages.command_form import submit_command
from eventshop.web.pages.post_only import post_only
from eventshop.web.shared import customer_port
from eventshop.web.shared.customer_port import Contact, customer_required
from eventshop.web.shared.request_limits import limit_requests
from orders.application import basket as baskets
from orders.application import stock_level_port
from orders.application.place_order import order_reference
from orders.domain.commands import CreateOrder
from orders.domain.stock_item import StockItem, stock_item_id
from orders.models import Product
from orders.pages.forms import CheckoutForm, QuantityForm

PAGE_SIZE: Final = 24
#: Searches from one network address: no index helps to find a part of a name.
SEARCH_RATE: Final = "120/m"


@open_to(Audience.EVERYBODY)
@require_safe
def catalogue(request: HttpRequest) -> HttpResponse:
    """The products on sale, by name, optionally filtered by a search text, with their stock."""
    words = request.GET.get("q", "").replace("\0", "").strip()[:100]
    products = Product.objects.filter(on_sale=True)
    if words:
        limit_requests(request, "shop-search", SEARCH_RATE)
        products = products.filter(name__icontains=words)
    page = Paginator(products, PAGE_SIZE).get_page(request.GET.get("page"))
    left = stock_level_port.quantities_on_hand([product.sku for product in page])
    shelf = [(product, left.get(product.sku)) for product in page]
    return render(request, "shop/catalogue.html", {"page": page, "shelf": shelf, "words": words})


@open_to(Audience.EVERYBODY)
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def product(request: HttpRequest, sku: str) -> HttpResponse:
    """One product: its stock, and the form that puts it into the basket."""
    product_shown = get_object_or_404(Product, sku=sku, on_sale=True)
    left = _quantity_on_hand(sku)
    form = QuantityForm(request.POST or None, initial={"quantity": 1})
    if form.is_valid():
        wanted = baskets.quantity_of(request, sku) + form.cleaned_data["quantity"]
        _report_quantity(request, product_shown.name, wanted, baskets.set_quantity(request, sku, wanted))
        return redirect("orders:basket")
    return render(request, "shop/product.html", {"product": product_shown, "left": left, "form": form})


def _report_quantity(request: HttpRequest, name: str, wanted: int, quantity: int) -> None:
    """Say what is in the basket now, and if it is less than was wanted, why."""
    if quantity == wanted:
        messages.success(request, f"{name} is in your basket.")
    elif quantity:
        messages.warning(request, f"{name} is in your basket {quantity} times: an order has at most that many of one.")
    else:
        messages.error(request, f"{name} was not added: an order has at most {baskets.MAX_LINES} different products.")


def _quantity_on_hand(sku: str) -> int:
    """The units on hand from the events, so that a reservation made a moment ago counts."""
    events = (recorded.event for recorded in store.get_event_stream(stock_item_id(sku)))
    return StockItem().evolve_all(events).on_hand


@open_to(Audience.EVERYBODY)
@never_cache
@require_safe
def basket(request: HttpRequest) -> HttpResponse:
    return render(request, "shop/basket.html", {"basket": baskets.load_basket(request)})


@open_to(Audience.EVERYBODY)
@post_only("orders:basket")
def change_basket(request: HttpRequest, sku: str) -> HttpResponse:
    """Change a product's quantity; 0 removes it."""
    form = QuantityForm(request.POST)
    if form.is_valid():
        baskets.set_quantity(request, sku, form.cleaned_data["quantity"])
        messages.success(request, "Your basket was updated.")
    else:
        messages.error(request, f"Enter a number from 0 to {baskets.MAX_QUANTITY}.")
    return redirect("orders:basket")


@require_http_methods(["GET", "HEAD", "POST"])
@customer_required
def checkout(request: HttpRequest, person: UUID) -> HttpResponse:
    """Show the order for confirmation, then place it. A form that is sent twice places one order."""
    form = CheckoutForm(customer_port.current_adapter().consent_options(person), request.POST or None)
    basket_shown, contact = baskets.load_basket(request), customer_port.current_adapter().contact_of(person)
    if form.is_valid() and contact and contact.address:
        form_id = form.cleaned_data["form_id"]
        order_id = derive_id("shop-order", form_id)
        if store.get_events(order_id, to_version=1):
            return redirect("orders:order", order_id)  # sent twice: the first one emptied the basket
        # The order is placed only at the prices that the customer was shown.
        if not basket_shown.total or str(basket_shown.total) != form.cleaned_data["total"]:
            messages.warning(request, "Your basket or a price has changed meanwhile. Please check it again.")
            return redirect("orders:checkout")
        if not _place_order(request, person, contact, form_id, basket_shown):
            return redirect("orders:basket")
        _record_consents(request, person, form)
        return redirect("orders:order", order_id)
    if not basket_shown.items or basket_shown.problem:
        return redirect("orders:basket")  # which says why
    context = {"basket": basket_shown, "contact": contact, "form": form}
    return render(request, "shop/checkout.html", context)


def _place_order(
    request: HttpRequest, person: UUID, contact: Contact, form_id: UUID, basket_shown: baskets.Basket
) -> bool:
    """Create the order and empty the basket; False if the order was refused, with a message that says why."""
    order_id = derive_id("shop-order", form_id)
    envelope = Envelope(command_id=derive_id("shop", form_id, 0), actor=str(person), correlation_id=form_id)

    def create_order() -> Receipt:
        command = CreateOrder(
            order_id=order_id,
            reference=order_reference(order_id),
            customer_id=person,
            lines=tuple(item.line for item in basket_shown.items),
            delivery_name=contact.name,
            delivery_address=contact.address,
        )
        return command_dispatcher.send(command, envelope=envelope)

    is_placed = submit_command(request, create_order, subject="your orders")
    if is_placed:
        baskets.clear_basket(request)
    return is_placed


def _record_consents(request: HttpRequest, person: UUID, form: CheckoutForm) -> None:
    """Record the consents that were ticked at the checkout. A failure does not affect the order."""
    for option in form.ticked:
        try:
            customer_port.current_adapter().grant_consent(person, option, form.cleaned_data["form_id"])
        except EventShopError:
            messages.warning(
                request, f"Your answer to “{option.label}” could not be saved. You can give it again under My data."
            )
