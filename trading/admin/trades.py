"""Staff actions on trades: each button sends a command after a dialog that names the trade and the effect."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from eventshop.admin_console.command_actions import AggregateCommandForm, CommandActions, envelope
from eventshop.admin_console.unfold_adapter import detail_action
from eventshop.eventstore import command_dispatcher, command_receipts
from trading import permissions
from trading.admin.forms import (
    AmendTradeForm,
    BustFillForm,
    CancelTradeForm,
    CorrectFillForm,
    HoldSettlementForm,
    RejectTradeForm,
    ResumeSettlementForm,
    ReviewTradeForm,
    SettleTradeForm,
)
from trading.application import submit_trade
from trading.domain.commands import AmendTrade, CancelTrade, SettleTrade
from trading.domain.trade import Trade


class TradeActions(CommandActions[Trade]):
    """Mixin for the admin of a model whose primary key is a trade's id; uses its permissions `<action>_trade`."""

    aggregate, noun = Trade, "trade"
    actions_detail = ("settle", "hold", "release", "correct", "bust", "review", "amend", "reject", "cancel")
    dialogs: ClassVar = {
        "settle": SettleTradeForm,
        "hold": HoldSettlementForm,
        "release": ResumeSettlementForm,
        "correct": CorrectFillForm,
        "bust": BustFillForm,
        "review": ReviewTradeForm,
        "amend": AmendTradeForm,
        "reject": RejectTradeForm,
        "cancel": CancelTradeForm,
    }

    def has_settle_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm(permissions.SETTLE_TRADE)

    def has_correct_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm(permissions.CORRECT_TRADE)

    def has_reject_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm(permissions.REJECT_TRADE)

    def has_amend_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm(permissions.AMEND_TRADE)

    def has_cancel_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm(permissions.CANCEL_TRADE)

    @detail_action(permission="settle", description="Settle", icon="task_alt")
    def settle(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.handle_dialog(request, object_id, "settle")

    @detail_action(permission="settle", description="Hold", icon="pause_circle")
    def hold(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.handle_dialog(request, object_id, "hold")

    @detail_action(permission="settle", description="Release", icon="play_circle")
    def release(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.handle_dialog(request, object_id, "release")

    @detail_action(permission="correct", description="Correct", icon="edit")
    def correct(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.handle_dialog(request, object_id, "correct")

    @detail_action(permission="correct", description="Void", icon="undo")
    def bust(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.handle_dialog(request, object_id, "bust")

    @detail_action(permission="correct", description="Reviewed", icon="fact_check")
    def review(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.handle_dialog(request, object_id, "review")

    @detail_action(permission="amend", description="Amend", icon="edit_note")
    def amend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.handle_dialog(request, object_id, "amend")

    @detail_action(permission="reject", description="Reject", icon="block")
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.handle_dialog(request, object_id, "reject")

    @detail_action(permission="cancel", description="Cancel", icon="cancel")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.handle_dialog(request, object_id, "cancel")

    def reference(self, state: Trade) -> str:
        return state.terms.reference

    def heading(self, form: AggregateCommandForm[Trade]) -> str:
        return f"{form.title}: trade {self.reference(form.state)}"

    def send(
        self, request: HttpRequest, form: AggregateCommandForm[Trade], aggregate_id: UUID, command_id: UUID
    ) -> command_receipts.Receipt:
        command = form.command(aggregate_id)
        # `SettleTrade` has no field for the reason, so it goes into the metadata.
        metadata = {"reason": form.cleaned_data["reason"]} if isinstance(command, SettleTrade) else {}
        command_envelope = envelope(request, command_id, **metadata)
        if isinstance(command, AmendTrade):
            return submit_trade.amend_trade(
                command,
                actor=command_envelope.actor,
                command_id=command_id,
                metadata=command_envelope.metadata,
            )
        if isinstance(command, CancelTrade):
            return submit_trade.cancel_trade(
                aggregate_id,
                command.reason,
                actor=command_envelope.actor,
                command_id=command_id,
                metadata=command_envelope.metadata,
            )
        return command_dispatcher.send(command, envelope=command_envelope)
