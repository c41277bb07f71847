"""Legal holds on a person's data, as resources for staff: nothing is erased while there is one."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.messages import Command, NonEmptyText
from eventshop.web.api.aggregate_action import AggregateAction
from eventshop.web.shared.errors import NotFound
from users.application.customer_adapter import load_person
from users.domain.commands import PlaceLegalHold, ReleaseLegalHold
from users.domain.user import Status


class NewLegalHold(Struct, frozen=True, forbid_unknown_fields=True):
    """The number of the file that needs the data, and why."""

    example: ClassVar[dict[str, Any]] = {"hold": "case 7", "reason": "a claim"}

    hold: NonEmptyText
    reason: NonEmptyText


class ReleasedLegalHold(Struct, frozen=True, forbid_unknown_fields=True):
    """The number of the file that needs the data no more."""

    example: ClassVar[dict[str, Any]] = {"hold": "case 7"}

    hold: NonEmptyText


class HoldAction(AggregateAction):
    """Something done to the holds of a person."""

    scopes: ClassVar[dict[str, str]] = {"POST": "people:write"}
    owner_allowed = False
    permission = "projections.hold_personal"
    view_permission = "projections.view_userprofile"
    url_name = "api-person"

    def post(self, request: Request, user_id: UUID) -> Response:
        return self.execute(request, user_id)

    def owner_of(self, aggregate_id: UUID) -> UUID | None:
        if load_person(aggregate_id).state.status is Status.UNKNOWN:
            raise NotFound
        return aggregate_id


class LegalHolds(HoldAction):
    """Place a legal hold: the person's data is not erased until it is released."""

    body = NewLegalHold
    status = 201

    def build_command(self, user_id: UUID, asked: NewLegalHold, command_id: UUID) -> Command:
        return PlaceLegalHold(user_id, asked.hold, asked.reason)


class LegalHoldRelease(HoldAction):
    """Release a legal hold."""

    body = ReleasedLegalHold

    def build_command(self, user_id: UUID, asked: ReleasedLegalHold, command_id: UUID) -> Command:
        return ReleaseLegalHold(user_id, asked.hold)
