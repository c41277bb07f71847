"""The page of an order as a place to work: payments, saga, returns, refunds, delivery address and trace beside it."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.cache import add_never_cache_headers

from eventshop.admin_console.confirmation import reason_field, render_confirmation
from eventshop.admin_console.display_names import short_name
from eventshop.admin_console.formatting import EMPTY_VALUE, datetime_html, format_amount
from eventshop.admin_console.unfold_adapter import detail_action
from eventshop.core.errors import EventShopError, UnknownCurrency
from eventshop.core.messages import Envelope, new_id
from eventshop.core.money import from_minor_units
from eventshop.core.request_context import note_access
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.event_store import store
from eventshop.operations.access_log.declarations import Kind
from eventshop.operations.operator_log import record_action
from eventshop.operations.staff_actors import staff_actor
from eventshop.sagas.models import Saga
from orders.application.order_refunds import collect_refunds
from orders.domain.order import Order
from orders.models import Payment
from projections.admin.base import RowAdmin
from projections.admin.related import may_see, page_url, stream_links
from projections.models import OrderSummary, UserProfile
from users import permissions
from users.domain.commands import RecordAccess

#: Rows of one section; the list of that model has the rest.
MAX_ROWS: Final = 50
_TONES: Final = {"stuck": "bad", "ended": "good", "resolved": "warn"}


def order_sections(request: HttpRequest, row: OrderSummary) -> dict[str, Any]:
    """The sections about other models; None for those that this member of staff may not see."""
    history = store.get_events(row.order_id)
    order = Order().evolve_all(recorded.event for recorded in history)
    return {
        "payments": _payments(row) if may_see(request, Payment) else None,
        "sagas": _sagas(row.order_id) if may_see(request, Saga) else None,
        "return_rows": [
            (one.reference, one.status, sum(one.asked.values()), sum(one.received.values())) for one in order.returns
        ],
        "refunds": [
            (refund.reference, datetime_html(refund.refunded_at), refund.reason, _money(refund.amount))
            for refund in collect_refunds(row.reference, history, order.payments, defaultdict(str))
        ],
        "person_url": _person_url(row) if may_see(request, UserProfile) else "",
        "stream_links": stream_links(request, row.order_id),
        "has_address": bool(row.delivery_name or row.delivery_address),
        "may_reveal": request.user.has_perm(permissions.REVEAL_PERSONAL),
    }


def _payments(row: OrderSummary) -> list[dict[str, Any]]:
    charges = Payment.objects.filter(order_id=row.order_id).order_by("asked_at")[:MAX_ROWS]
    keys = [charge.key for charge in charges]
    others = Payment.objects.filter(charge__in=keys).order_by("asked_at")[:MAX_ROWS]
    return [
        {
            "url": page_url(Payment, payment.pk),
            "kind": payment.get_kind_display(),
            "method": payment.method or EMPTY_VALUE,
            "status": payment.get_status_display(),
            "why": payment.reason or payment.trouble,
            "amount": _minor_units(payment.amount, payment.currency),
            "asked": datetime_html(payment.asked_at),
        }
        for payment in sorted([*charges, *others], key=lambda one: one.asked_at)
    ]


def _sagas(order_id: UUID) -> list[dict[str, Any]]:
    return [
        {
            "url": page_url(Saga, saga.pk),
            "name": short_name(saga.kind, saga.pk),
            "status": saga.get_status_display(),
            "tone": _TONES.get(saga.status, ""),
            "error": saga.error,
            "moved": datetime_html(saga.moved_at),
        }
        for saga in Saga.objects.filter(subject_id=order_id).order_by("started_at")[:MAX_ROWS]
    ]


def _person_url(row: OrderSummary) -> str:
    is_known = row.customer_id and UserProfile.objects.filter(pk=row.customer_id).exists()
    return page_url(UserProfile, row.customer_id) if is_known else ""


def _money(money: Any) -> str:
    return format_amount(money.amount, money.currency)


def _minor_units(amount: int, currency: str) -> str:
    try:
        return _money(from_minor_units(amount, currency))
    except UnknownCurrency:  # recorded before currencies were checked
        return format_amount(Decimal(amount), f"minor units of {currency}")


class RevealDeliveryForm(forms.Form):
    """The reason for which somebody needs to see where an order goes."""

    effect = "The customer can see that you viewed the name and address of this delivery, and why."
    button = "Show"
    dangerous = True
    command_id = forms.UUIDField(widget=forms.HiddenInput)
    reason = reason_field("For example: a parcel came back.", max_length=200)

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, initial={"command_id": new_id()})


class DeliveryReveal(RowAdmin):
    """Mixin with the button that shows an order's delivery name and address, and records it first."""

    actions_detail: Any = ("reveal_delivery",)

    def has_reveal_delivery_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm(permissions.REVEAL_PERSONAL)

    @detail_action(permission="reveal_delivery", description="Show delivery address", icon="home_pin")
    def reveal_delivery(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        title, form, back = (
            f"Delivery address of {row.reference}",
            RevealDeliveryForm(request.POST or None),
            "../change/",
        )
        if not form.is_valid():
            return render_confirmation(self, request, title, form, back, media=self.media)
        reason = form.cleaned_data["reason"]
        _record_reveal(request, row, reason, form.cleaned_data["command_id"])
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "values": [
                ("Name", row.delivery_name or EMPTY_VALUE),
                ("Address", row.delivery_address or EMPTY_VALUE),
                ("Received by", row.received_by or EMPTY_VALUE),
            ],
            "reason": reason,
            "back": back,
        }
        response = TemplateResponse(request, "projections/revealed.html", context)
        add_never_cache_headers(response)
        return response


def _record_reveal(request: HttpRequest, row: OrderSummary, reason: str, command_id: UUID) -> None:
    """In the stream of a customer who has an account, else in the operator log: a guest has no stream."""
    actor = staff_actor(request.user)
    note_access(kind=Kind.PERSONAL, stream=row.order_id)
    if row.customer_id and UserProfile.objects.filter(pk=row.customer_id).exists():
        try:
            access = RecordAccess(row.customer_id, ("delivery address",), reason, actor)
            command_dispatcher.send(access, envelope=Envelope(command_id, actor=actor))
        except EventShopError as error:
            raise Http404(str(error)) from error
        note_access(stream=row.customer_id, command_id=command_id)
        return
    record_action(actor=actor, action="show delivery address", target=str(row.order_id), reason=reason)
