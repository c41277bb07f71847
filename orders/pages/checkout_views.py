"""The checkout: address, delivery, payment, review, done; each a page, and each leads to the next.

The choices are kept in the session: the key of an address, a code of a delivery and of a means of payment. The address
itself is a detail of the customer's account or of their address book, never of the session.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import EventShopError
from eventshop.core.messages import Envelope
from eventshop.core.money import Money
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.command_receipts import Receipt
from eventshop.eventstore.event_store import store
from eventshop.web.pages.command_form import submit_command
from eventshop.web.shared import customer_port
from eventshop.web.shared.customer_port import DeliveryAddress, customer_required
from orders.application import basket as baskets
from orders.application.order_timeline import format_money
from orders.application.payment_methods import METHOD_LABELS
from orders.application.place_order import order_reference
from orders.domain.commands import CreateOrder
from orders.domain.events import Line
from orders.domain.vat import STANDARD_PERCENT, VatAmount, included_vat
from orders.models import DeliveryOption
from orders.pages.forms import CheckoutForm, ChoiceOfOne, DeliveryAddressForm
from orders.pages.order_views import load_order_or_404
from orders.pages.payment_views import begin_payment

D = TypeVar("D")
_CHOICES: Final = "checkout"
#: The means of payment of the checkout; `later` leaves it to the order's page.
METHODS: Final = METHOD_LABELS | {"later": "Decide later, on the page of the order"}
STEPS: Final = (
    ("address", "Address", "orders:checkout-address"),
    ("delivery", "Delivery", "orders:checkout-delivery"),
    ("payment", "Payment", "orders:checkout-payment"),
    ("review", "Review", "orders:checkout"),
)
get_or_post = require_http_methods(["GET", "HEAD", "POST"])


class Quote(NamedTuple):
    """The basket, and the delivery that was chosen with its price; without any delivery option, no delivery line."""

    basket: baskets.Basket
    delivery: DeliveryOption | None

    @property
    def delivery_price(self) -> Money | None:
        goods = self.basket.total
        return self.delivery.price_for(goods) if self.delivery and goods else None

    @property
    def lines(self) -> tuple[Line, ...]:
        lines = [item.line for item in self.basket.items]
        if self.delivery and self.delivery_price:
            lines.append(
                Line(f"DELIVERY-{self.delivery.code}"[:100], self.delivery.name, 1, self.delivery_price, "freight")
            )
        return tuple(lines)

    @property
    def total(self) -> Money | None:
        goods = self.basket.total
        return goods + self.delivery_price if goods and self.delivery_price else goods

    @property
    def vat(self) -> tuple[VatAmount, ...]:
        amounts = [(item.amount, item.product.vat_percent) for item in self.basket.items]
        if self.delivery_price and self.delivery_price.amount:
            amounts.append((self.delivery_price, STANDARD_PERCENT))
        return included_vat(amounts) if self.total else ()


@get_or_post
@customer_required
def address(request: HttpRequest, person: UUID) -> HttpResponse:
    """Where the order goes to: one of the customer's addresses; of whoever has none, the address of their details."""
    adapter = customer_port.current_adapter()
    addresses = adapter.delivery_addresses(person)
    if [entry.key for entry in addresses] not in ([], ["details"]):
        return _choose_address(request, addresses)
    contact = adapter.contact_of(person)
    form = DeliveryAddressForm(
        request.POST or None, initial={"name": contact.name, "address": contact.address} if contact else {}
    )
    if form.is_valid():
        values = form.cleaned_data
        try:
            adapter.set_address(person, values["name"], values["address"], values["form_id"])
        except EventShopError as refusal:
            messages.error(request, f"The address could not be saved: {refusal.message}.")
        else:
            return redirect("orders:checkout-delivery")
    return _render_step(request, "address", form=form, button="Continue")


def _choose_address(request: HttpRequest, addresses: list[DeliveryAddress]) -> HttpResponse:
    choices = [(entry.key, f"{entry.name}, {', '.join(entry.address.splitlines())}") for entry in addresses]
    added = request.GET.get("address", "")  # where the customer was sent aside to add one
    offered = added if added in dict(choices) else _chosen_of(request, addresses, addresses[0]).key
    form = ChoiceOfOne("Deliver it to", choices, offered, request.POST or None)
    if form.is_valid():
        _choose(request, address=form.cleaned_data["choice"])
        return redirect("orders:checkout-delivery")
    return _render_step(request, "address", form=form, button="Continue", has_choice=True)


@get_or_post
@customer_required
def delivery(request: HttpRequest, person: UUID) -> HttpResponse:
    """How the order is delivered, and at which price. Skipped where there is nothing to choose."""
    options = _delivery_options(baskets.load_basket(request))
    if not options:
        return redirect("orders:checkout-payment")
    choices = [(option.code, f"{option.name}, {_price_text(price)}. {option.about}") for option, price in options]
    chosen = _choices(request).get("delivery") or options[0][0].code
    form = ChoiceOfOne("How should we deliver it?", choices, chosen, request.POST or None)
    if form.is_valid():
        _choose(request, delivery=form.cleaned_data["choice"])
        return redirect("orders:checkout-payment")
    return _render_step(request, "delivery", form=form, button="Continue")


@get_or_post
@customer_required
def payment(request: HttpRequest, person: UUID) -> HttpResponse:
    """How the order is paid. A card is entered on the payment service's page after the review."""
    form = ChoiceOfOne(
        "How do you want to pay?",
        list(METHODS.items()),
        _choices(request).get("method") or "card",
        request.POST or None,
    )
    if form.is_valid():
        _choose(request, method=form.cleaned_data["choice"])
        return redirect("orders:checkout")
    return _render_step(request, "payment", form=form, button="Continue", has_card_page=_has_card_page())


@get_or_post
@customer_required
def checkout(request: HttpRequest, person: UUID) -> HttpResponse:
    """Show the order for review, then place it and lead to its payment. A form that is sent twice places one order."""
    form = CheckoutForm(customer_port.current_adapter().consent_options(person), request.POST or None)
    basket_shown, destination = baskets.load_basket(request), _chosen_address(request, person)
    if form.is_valid() and destination:
        form_id = form.cleaned_data["form_id"]
        order_id = derive_id("shop-order", form_id)
        if store.get_events(order_id, to_version=1):
            return redirect("orders:done", order_id)  # sent twice: the first one emptied the basket
        if basket_shown.problem:
            return redirect("orders:basket")  # which says why
        quote = Quote(basket_shown, _chosen_delivery(request, basket_shown))
        # The order is placed only at the prices that the customer was shown.
        if not quote.total or str(quote.total) != form.cleaned_data["total"]:
            messages.warning(request, "Your basket or a price has changed meanwhile. Please check it again.")
            return redirect("orders:checkout")
        if not _place_order(request, person, destination, form_id, quote):
            return redirect("orders:basket")
        _record_consents(request, person, form)
        return _lead_to_payment(request, person, order_id, form_id)
    if not basket_shown.items or basket_shown.problem:
        return redirect("orders:basket")  # which says why
    if missing := _missing_step(request, basket_shown, destination):
        return redirect(missing)
    quote = Quote(basket_shown, _chosen_delivery(request, basket_shown))
    method = _choices(request)["method"]
    return _render_step(
        request,
        "review",
        form=form,
        basket=basket_shown,
        quote=quote,
        destination=destination,
        method=METHODS[method],
        later=method not in METHOD_LABELS,
        has_card_page=_has_card_page() and method == "card",
    )


@require_safe
@customer_required
def done(request: HttpRequest, person: UUID, order_id: UUID) -> HttpResponse:
    """The order is placed: its reference, what happens next, and whom to ask."""
    return render(request, "shop/done.html", {"order": load_order_or_404(order_id, person)})


def _render_step(request: HttpRequest, current: str, **context: Any) -> HttpResponse:
    return render(request, f"shop/checkout_{current}.html", {"steps": STEPS, "current": current, **context})


def _missing_step(request: HttpRequest, basket: baskets.Basket, destination: DeliveryAddress | None) -> str:
    """The URL name of the first step that is not done; empty if all are."""
    if destination is None:
        return "orders:checkout-address"
    if _delivery_options(basket) and _chosen_delivery(request, basket) is None:
        return "orders:checkout-delivery"
    return "" if _choices(request).get("method") in METHODS else "orders:checkout-payment"


def _lead_to_payment(request: HttpRequest, person: UUID, order_id: UUID, form_id: UUID) -> HttpResponse:
    """Go on with the payment that was chosen; if that is not possible now, the order's page offers it again."""
    method = _choices(request).get("method", "")
    request.session.pop(_CHOICES, None)
    order = load_order_or_404(order_id, person)
    if method not in METHOD_LABELS or not order.can_pay:
        return redirect("orders:done", order_id)
    return begin_payment(
        request, person, order, method, order.outstanding, derive_id("shop-payment", form_id), then="orders:done"
    )


def _place_order(request: HttpRequest, person: UUID, to: DeliveryAddress, form_id: UUID, quote: Quote) -> bool:
    """Create the order and empty the basket; False if the order was refused, with a message that says why."""
    order_id = derive_id("shop-order", form_id)
    envelope = Envelope(command_id=derive_id("shop", form_id, 0), actor=str(person), correlation_id=form_id)

    def create_order() -> Receipt:
        command = CreateOrder(
            order_id=order_id,
            reference=order_reference(order_id),
            customer_id=person,
            lines=quote.lines,
            delivery_name=to.name,
            delivery_address=to.address,
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


def _chosen_address(request: HttpRequest, person: UUID) -> DeliveryAddress | None:
    return _chosen_of(request, customer_port.current_adapter().delivery_addresses(person), None)


def _chosen_of(request: HttpRequest, addresses: list[DeliveryAddress], otherwise: D) -> DeliveryAddress | D:
    """The address that was chosen at this checkout, else the customer's default."""
    chosen = _choices(request).get("address")
    wanted = [entry for entry in addresses if entry.key == chosen] or [one for one in addresses if one.is_default]
    return wanted[0] if wanted else otherwise


def _delivery_options(basket: baskets.Basket) -> list[tuple[DeliveryOption, Money]]:
    """The options for a basket, with their prices."""
    if basket.total is None:
        return []
    options = DeliveryOption.objects.filter(is_offered=True, currency=basket.total.currency)
    return [(option, option.price_for(basket.total)) for option in options]


def _chosen_delivery(request: HttpRequest, basket: baskets.Basket) -> DeliveryOption | None:
    code = _choices(request).get("delivery")
    return next((option for option, _ in _delivery_options(basket) if option.code == code), None)


def _choices(request: HttpRequest) -> dict[str, str]:
    choices: dict[str, str] = request.session.get(_CHOICES, {})
    return choices


def _choose(request: HttpRequest, **choice: str) -> None:
    request.session[_CHOICES] = _choices(request) | choice


def _price_text(price: Money) -> str:
    return format_money(price) if price.amount else "free"


def _has_card_page() -> bool:
    return bool(settings.PAYMENT_GATEWAY_PAGE_ORIGIN)
