"""Legal holds on a person's data, as resources for staff: nothing is erased while there is one."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.messages import Command, Name
from eventshop.web.api.aggregate_action import Action
from eventshop.web.shared.errors import NotFound
from users.application.customer_adapter import person
from users.domain.commands import PlaceLegalHold, ReleaseLegalHold
from users.domain.user import Status


class NewHold(Struct, frozen=True, forbid_unknown_fields=True):
    """The number of the file that needs the data, and why."""

    example: ClassVar[dict[str, Any]] = {"hold": "case 7", "reason": "a claim"}

    hold: Name
    reason: Name


class EndedHold(Struct, frozen=True, forbid_unknown_fields=True):
    """The number of the file that needs the data no more."""

    example: ClassVar[dict[str, Any]] = {"hold": "case 7"}

    hold: Name


class HoldAction(Action):
    """Something done to the holds of a person."""

    scopes: ClassVar[dict[str, str]] = {"POST": "people:write"}
    owner = False
    permission = "projections.hold_personal"
    seen_with = "projections.view_userprofile"
    shown_at = "api-person"

    def post(self, request: Request, user_id: UUID) -> Response:
        return self.act(request, user_id)

    def owner_of(self, aggregate_id: UUID) -> UUID | None:
        if person(aggregate_id).state.status is Status.UNKNOWN:
            raise NotFound
        return aggregate_id


class LegalHolds(HoldAction):
    """Place a legal hold: the person's data is not erased until it is released."""

    body = NewHold
    status = 201

    def command(self, user_id: UUID, asked: NewHold, command_id: UUID) -> Command:
        return PlaceLegalHold(user_id, asked.hold, asked.reason)


class LegalHoldRelease(HoldAction):
    """Release a legal hold."""

    body = EndedHold

    def command(self, user_id: UUID, asked: EndedHold, command_id: UUID) -> Command:
        return ReleaseLegalHold(user_id, asked.hold)
