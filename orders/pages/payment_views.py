"""A customer pays an order: by one button, in parts, or with a card that is entered on the gateway's page."""

from __future__ import annotations

from decimal import Decimal
from typing import Final
from uuid import UUID

import msgspec
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from eventshop.core.errors import InvalidMessage
from eventshop.core.money import Money
from eventshop.web.shared.customer_port import customer_required
from orders.application.customer_order import CustomerOrder
from orders.domain.commands import RequestPayment
from orders.domain.order_values import CardToken
from orders.pages.forms import PaymentForm
from orders.pages.order_views import load_order_or_404, send_for_customer
from orders.payment_gateway import hosted_page
from orders.payment_gateway.errors import GatewayNotConfigured, GatewayUnreachable

#: In the session: the amounts of the card pages that this visitor was sent to, by form id.
_CARD_PAGES: Final = "card-pages"
_MAX_CARD_PAGES: Final = 20


@require_http_methods(["GET", "HEAD", "POST"])
@customer_required
def pay(request: HttpRequest, person: UUID, order_id: UUID) -> HttpResponse:
    """Choose how to pay and how much; a card is entered on the gateway's page."""
    order = load_order_or_404(order_id, person)
    if not order.can_pay:
        if request.method == "POST":
            messages.info(request, "This order does not wait for a payment at the moment.", extra_tags="not-payable")
        return redirect("orders:order", order_id)
    form = PaymentForm(order.outstanding, request.POST or None)
    if not form.is_valid():
        return render(request, "orders/pay.html", {"order": order, "form": form})
    values = form.cleaned_data
    return begin_payment(request, person, order, values["method"], form.amount, values["form_id"])


def begin_payment(
    request: HttpRequest,
    person: UUID,
    order: CustomerOrder,
    method: str,
    amount: Money,
    form_id: UUID,
    *,
    then: str = "orders:order",
) -> HttpResponse:
    """Ask for a payment, or lead to the page of the payment service where a card is entered. Once for each form.

    `then` is the URL name of the page of the order that follows.
    """
    if method == "card" and settings.PAYMENT_GATEWAY_PAGE_ORIGIN:
        return _redirect_to_card_page(request, order, amount, form_id, then)
    return _request_payment(request, person, RequestPayment(order.id, method, amount), form_id, then)


def _redirect_to_card_page(
    request: HttpRequest, order: CustomerOrder, amount: Money, form_id: UUID, then: str
) -> HttpResponse:
    order_page = request.build_absolute_uri(reverse("orders:order", args=[order.id]))
    try:
        url = hosted_page.create_session(
            order_id=order.id,
            reference=order.reference,
            amount=amount,
            return_url=request.build_absolute_uri(reverse("orders:card", args=[order.id, form_id])),
            cancel_url=order_page,
        )
    except (GatewayUnreachable, GatewayNotConfigured, InvalidMessage) as error:
        messages.error(
            request,
            "The page for cards cannot be reached at the moment. Nothing was taken. Try again, or pay another way.",
            extra_tags=error.code,
        )
        return redirect("orders:order", order.id)
    pages = {**request.session.get(_CARD_PAGES, {}), str(form_id): [str(amount.amount), amount.currency, then]}
    request.session[_CARD_PAGES] = dict(list(pages.items())[-_MAX_CARD_PAGES:])
    return redirect(url)


@require_safe
@customer_required
def card(request: HttpRequest, person: UUID, order_id: UUID, form_id: UUID) -> HttpResponse:
    """The customer comes back from the gateway's page with a card: ask for the payment. Repeating it changes nothing.

    Only the visitor who was sent there is served: a link from somebody else pays nothing.
    """
    load_order_or_404(order_id, person)
    page = request.session.get(_CARD_PAGES, {}).get(str(form_id))
    try:
        token = msgspec.convert(request.GET.get(hosted_page.TOKEN, ""), CardToken)
    except msgspec.ValidationError:
        token = ""
    if page is None or not token:
        messages.error(request, "The card page gave no card. Nothing was taken. Try again.", extra_tags="no-card")
        return redirect("orders:order", order_id)
    amount, then = Money(Decimal(page[0]), page[1]), page[2] if len(page) > 2 else "orders:order"
    return _request_payment(request, person, RequestPayment(order_id, "card", amount, token), form_id, then)


def _request_payment(
    request: HttpRequest, person: UUID, command: RequestPayment, form_id: UUID, then: str
) -> HttpResponse:
    send_for_customer(request, person, lambda: command, form_id)
    return redirect(then, command.order_id)
