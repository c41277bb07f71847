"""What staff can do to orders: every button sends a command, after a dialog that names the order and the effect."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID, uuid5

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from eventshop.core.errors import CommandIdReused, CommandRefused, EventShopError, InvalidMessage
from eventshop.core.message import Envelope
from eventshop.ops.console.skin import detail_action
from eventshop.store import dispatch
from eventshop.store.event_store import store
from orders.forms import CancelForm, DeliverForm, OrderForm, RefundForm, ShipForm
from orders.order import Order

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    Base: TypeAlias = ModelAdmin[Any]
else:
    Base = object

FOLLOWS = "The list follows in a moment."
#: More orders at once belong in a script, where progress can be seen.
MOST_AT_ONCE = 200
_SENT_WITH_OTHER_VALUES = "This dialog was sent before with other values. Open it again to send new ones."


class OrderActions(Base):
    """For the admin of a row whose primary key is an order's id. Permissions are that model's `<action>_order`."""

    actions_detail = ("ship", "deliver", "cancel", "refund")
    actions = ("ship_selected", "deliver_selected", "cancel_selected")

    def has_ship_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self._may(request, "ship_order")

    def has_deliver_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self._may(request, "deliver_order")

    def has_cancel_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self._may(request, "cancel_order")

    def has_refund_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self._may(request, "refund_order")

    @detail_action(permission="ship", description="Ship", icon="local_shipping")
    def ship(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._one(request, object_id, ShipForm)

    @detail_action(permission="deliver", description="Deliver", icon="where_to_vote")
    def deliver(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._one(request, object_id, DeliverForm)

    @detail_action(permission="cancel", description="Cancel", icon="cancel")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._one(request, object_id, CancelForm)

    @detail_action(permission="refund", description="Refund", icon="undo")
    def refund(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._one(request, object_id, RefundForm)

    @admin.action(permissions=["ship"], description="Ship selected orders")
    def ship_selected(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        return self._many(request, rows, "ship_selected", ShipForm, without=("tracking",))

    @admin.action(permissions=["deliver"], description="Mark selected orders delivered")
    def deliver_selected(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        return self._many(request, rows, "deliver_selected", DeliverForm)

    @admin.action(permissions=["cancel"], description="Cancel selected orders")
    def cancel_selected(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        return self._many(request, rows, "cancel_selected", CancelForm)

    def _may(self, request: HttpRequest, permission: str) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.{permission}")

    def _one(self, request: HttpRequest, object_id: str, form_class: type[OrderForm]) -> HttpResponse:
        order_id, order = _order(object_id)
        form = form_class(order, request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                receipt = _send(request, form, order_id, form.cleaned_data["command_id"])
            except InvalidMessage as error:
                form.add_error(None, str(error))
            except EventShopError as error:
                messages.error(request, f"Order {order.reference} was not {form.done}. {_sentence(error)}")
                return HttpResponseRedirect(self._page(order_id))
            else:
                said = f"Order {order.reference} {form.done}." if receipt.events else _already(order, form)
                messages.success(request, f"{said} {FOLLOWS}")
                return HttpResponseRedirect(self._page(order_id))
        elif request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        context = {"form": form, "order": order, "order_id": order_id, "refusal": _refusal(form, order, order_id)}
        return self._confirm(request, f"{form.title} order {order.reference}", self._page(order_id), context)

    def _many(
        self,
        request: HttpRequest,
        rows: QuerySet[Any],
        action: str,
        form_class: type[OrderForm],
        without: Iterable[str] = (),
    ) -> HttpResponse | None:
        order_ids = list(rows.values_list("pk", flat=True)[: MOST_AT_ONCE + 1])
        if len(order_ids) > MOST_AT_ONCE:
            messages.error(request, f"At most {MOST_AT_ONCE} orders at once.")
            return None
        confirmed = "command_id" in request.POST
        form = form_class(Order(), request.POST if confirmed else None)
        for name in without:
            del form.fields[name]
        if confirmed and form.is_valid():
            self._send_each(request, form, order_ids)
            return None
        context = {"form": form, "action": action, "rows": list(rows.only("pk", "reference")[:MOST_AT_ONCE])}
        title = f"{form.title} {len(order_ids)} order{'s' if len(order_ids) != 1 else ''}"
        return self._confirm(request, title, request.get_full_path(), context)

    def _send_each(self, request: HttpRequest, form: OrderForm, order_ids: Iterable[UUID]) -> None:
        done, refused = [], []
        for order_id in order_ids:
            # One id per order, the same when the dialog is sent again.
            command_id = uuid5(form.cleaned_data["command_id"], str(order_id))
            _, order = _order(str(order_id))
            try:
                _send(request, form, order_id, command_id)
                done.append(order.reference)
            except EventShopError as error:
                refused.append(f"{order.reference}: {_sentence(error)}")
        if done:
            messages.success(request, f"{len(done)} {form.done}: {', '.join(done)}. {FOLLOWS}")
        if refused:
            messages.error(request, f"{len(refused)} refused. {' · '.join(refused)}")

    def _confirm(self, request: HttpRequest, title: str, back: str, context: dict[str, Any]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "back": back,
            "media": self.media,
            **context,
        }
        return TemplateResponse(request, "console/confirm.html", context)

    def _page(self, order_id: UUID) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=(order_id,))


def _order(text: str) -> tuple[UUID, Order]:
    """The order as its stream has it now, never as a list remembers it."""
    try:
        order_id = UUID(text)
    except ValueError:
        raise Http404("not an order id") from None
    history = store.get_events(order_id)
    if not history or history[0].meta.aggregate_type != Order.__name__:
        raise Http404("no such order")
    return order_id, Order().evolve_all(recorded.event for recorded in history)


def _send(request: HttpRequest, form: OrderForm, order_id: UUID, command_id: UUID) -> dispatch.Receipt:
    envelope = Envelope(command_id=command_id, actor=request.user.get_username(), metadata={"channel": "admin"})
    return dispatch.send(form.command(order_id), envelope=envelope)


def _refusal(form: OrderForm, order: Order, order_id: UUID) -> str:
    """Why the rules would refuse whatever is filled in; empty if they would not."""
    probe = form.probe(order_id)
    try:
        if probe is not None and not order.decide(probe):
            return _already(order, form)
    except CommandRefused as error:
        return str(error)
    return ""


def _already(order: Order, form: OrderForm) -> str:
    return f"Order {order.reference} was already {form.done}; nothing changed."


def _sentence(error: EventShopError) -> str:
    return _SENT_WITH_OTHER_VALUES if isinstance(error, CommandIdReused) else f"{error}."
