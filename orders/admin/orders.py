"""The staff's actions on orders. Each button sends a command, after a dialog that names the order and the effect.

Accepting, declining and receiving returns is one permission: to refund.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar
from uuid import UUID, uuid5

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from eventshop.admin_console.command_actions import (
    LIST_DELAY_NOTICE,
    AggregateCommandForm,
    CommandActions,
    error_sentence,
)
from eventshop.admin_console.confirmation import render_confirmation
from eventshop.admin_console.unfold_adapter import detail_action
from eventshop.core.errors import EventShopError
from orders import permissions
from orders.admin import products  # noqa: F401  (it registers the price list)
from orders.admin.forms import CancelForm, DeliverForm, ShipForm
from orders.admin.observed_forms import ObserveForm
from orders.admin.return_forms import AcceptReturnForm, DeclineReturnForm, ReceiveReturnForm, RequestReturnForm
from orders.domain.order import Order
from orders.payment_gateway import admin as gateway_admin  # noqa: F401  (payments and the gateway's messages)

#: The most orders that one action may change; for more, use a script that shows its progress.
MAX_SELECTED = 200


class OrderActions(CommandActions[Order]):
    """For the admin of a row whose primary key is an order's id. Permissions are that model's `<action>_order`."""

    aggregate, noun = Order, "order"
    dialogs: ClassVar = {
        "ship": ShipForm,
        "deliver": DeliverForm,
        "cancel": CancelForm,
        "accept_return": AcceptReturnForm,
        "decline_return": DeclineReturnForm,
        "receive_return": ReceiveReturnForm,
        "request_return": RequestReturnForm,
        "observe": ObserveForm,
    }
    actions_detail = tuple(dialogs)
    actions = ("ship_selected", "deliver_selected", "cancel_selected")

    def has_ship_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm(permissions.SHIP_ORDER)

    def has_deliver_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm(permissions.DELIVER_ORDER)

    def has_cancel_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm(permissions.CANCEL_ORDER)

    def has_refund_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm(permissions.REFUND_ORDER)

    def has_observe_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm(permissions.IMPORT_FACTS)

    @detail_action(permission="ship", description="Ship", icon="local_shipping")
    def ship(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.handle_dialog(request, object_id, "ship")

    @detail_action(permission="deliver", description="Deliver", icon="where_to_vote")
    def deliver(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.handle_dialog(request, object_id, "deliver")

    @detail_action(permission="cancel", description="Cancel", icon="cancel")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.handle_dialog(request, object_id, "cancel")

    @detail_action(permission="refund", description="Accept return", icon="assignment_turned_in")
    def accept_return(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.handle_dialog(request, object_id, "accept_return")

    @detail_action(permission="refund", description="Decline return", icon="assignment_late")
    def decline_return(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.handle_dialog(request, object_id, "decline_return")

    @detail_action(permission="refund", description="Receive return", icon="inventory")
    def receive_return(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.handle_dialog(request, object_id, "receive_return")

    @detail_action(permission="refund", description="Ask for a return", icon="undo")
    def request_return(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.handle_dialog(request, object_id, "request_return")

    @detail_action(permission="observe", description="Record a fact", icon="visibility")
    def observe(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.handle_dialog(request, object_id, "observe")

    @admin.action(permissions=["ship"], description="Ship selected orders")
    def ship_selected(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        return self._act_on_selected(request, rows, "ship_selected", ShipForm, without=("tracking",))

    @admin.action(permissions=["deliver"], description="Mark selected orders delivered")
    def deliver_selected(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        return self._act_on_selected(request, rows, "deliver_selected", DeliverForm)

    @admin.action(permissions=["cancel"], description="Cancel selected orders")
    def cancel_selected(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        return self._act_on_selected(request, rows, "cancel_selected", CancelForm)

    def reference(self, state: Order) -> str:
        return state.reference

    def _act_on_selected(
        self,
        request: HttpRequest,
        rows: QuerySet[Any],
        action: str,
        form_class: type[AggregateCommandForm[Order]],
        without: Iterable[str] = (),
    ) -> HttpResponse | None:
        order_ids = list(rows.values_list("pk", flat=True)[: MAX_SELECTED + 1])
        if len(order_ids) > MAX_SELECTED:
            messages.error(request, f"Select at most {MAX_SELECTED} orders.")
            return None
        confirmed = "command_id" in request.POST
        form = form_class(Order(), request.POST if confirmed else None)
        for name in without:
            del form.fields[name]
        if confirmed and form.is_valid():
            self._send_each(request, form, order_ids)
            return None
        shown = list(rows.only("pk", "reference")[:MAX_SELECTED])
        title = f"{form.title} {len(order_ids)} order{'s' if len(order_ids) != 1 else ''}"
        back = request.get_full_path()
        return render_confirmation(self, request, title, form, back, media=self.media, action=action, rows=shown)

    def _send_each(self, request: HttpRequest, form: AggregateCommandForm[Order], order_ids: Iterable[UUID]) -> None:
        done, refused = [], []
        for order_id in order_ids:
            # One command id per order, and the same one when the dialog is sent twice.
            command_id = uuid5(form.cleaned_data["command_id"], str(order_id))
            _, order = self.load_aggregate(str(order_id))
            try:
                self.send(request, form, order_id, command_id)
                done.append(order.reference)
            except EventShopError as error:
                refused.append(f"{order.reference}: {error_sentence(error)}")
        if done:
            messages.success(request, f"{len(done)} {form.outcome}: {', '.join(done)}. {LIST_DELAY_NOTICE}")
        if refused:
            messages.error(request, f"{len(refused)} refused. {' · '.join(refused)}")
