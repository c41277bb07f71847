"""Legal holds on a person's data, as REST resources for staff. A hold prevents the erasure."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.messages import Command, NonEmptyText
from eventshop.web.api.aggregate_action import AggregateAction
from eventshop.web.shared.errors import NotFound
from users import permissions
from users.api import url_names
from users.application.customer_adapter import load_person
from users.domain.commands import PlaceLegalHold, ReleaseLegalHold
from users.domain.user import Status, User


class NewLegalHold(Struct, frozen=True, forbid_unknown_fields=True):
    """The file number that identifies the hold, and its reason."""

    example: ClassVar[dict[str, Any]] = {"hold": "case 7", "reason": "a claim"}

    hold: NonEmptyText
    reason: NonEmptyText


class ReleasedLegalHold(Struct, frozen=True, forbid_unknown_fields=True):
    """The file number of the hold to release."""

    example: ClassVar[dict[str, Any]] = {"hold": "case 7"}

    hold: NonEmptyText


class HoldAction(AggregateAction):
    """Base of the views that change a person's legal holds."""

    scopes: ClassVar[dict[str, str]] = {"POST": "people:write"}
    owner_allowed = False
    permission = permissions.HOLD_PERSONAL
    aggregate = User
    url_name = url_names.PERSON

    def post(self, request: Request, person_id: UUID) -> Response:
        return self.execute(request, person_id)

    def owner_of(self, aggregate_id: UUID) -> UUID | None:
        if load_person(aggregate_id).state.status is Status.UNKNOWN:
            raise NotFound
        return aggregate_id


class LegalHolds(HoldAction):
    """Place a legal hold: it prevents the erasure of the person's data until it is released."""

    body = NewLegalHold
    status = 201

    def build_command(self, person_id: UUID, body: NewLegalHold, command_id: UUID) -> Command:
        return PlaceLegalHold(person_id, body.hold, body.reason)


class LegalHoldRelease(HoldAction):
    """Release a legal hold."""

    body = ReleasedLegalHold

    def build_command(self, person_id: UUID, body: ReleasedLegalHold, command_id: UUID) -> Command:
        return ReleaseLegalHold(person_id, body.hold)
