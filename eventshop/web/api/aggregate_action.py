"""Something done to one aggregate, as a resource beneath it: by its owner, or by staff who have the permission."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.urls import reverse
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.messages import Command
from eventshop.web.api import request_parsing
from eventshop.web.api.base_view import ApiView, signed_in
from eventshop.web.api.command_endpoint import carry_out
from eventshop.web.shared import customer_port
from eventshop.web.shared.errors import NotAllowed, NotFound


class Action(ApiView):
    """By the aggregate's owner if `owner`, by staff who have the `permission` and may see it."""

    body: ClassVar[type[Struct]]
    owner: ClassVar[bool] = True
    permission: ClassVar[str] = ""
    status: ClassVar[int] = 200
    #: The permission to see such aggregates, and the name of the address that shows one.
    seen_with: ClassVar[str]
    shown_at: ClassVar[str]

    def act(self, request: Request, aggregate_id: UUID) -> Response:
        self.require_right(request, aggregate_id)
        asked = request_parsing.read(request, self.body)
        return carry_out(
            request,
            lambda command_id, _: self.command(aggregate_id, asked, command_id),
            status=self.status,
            location=reverse(self.shown_at, args=[aggregate_id]),
        )

    def command(self, aggregate_id: UUID, asked: Any, command_id: UUID) -> Command:
        raise NotImplementedError

    def owner_of(self, aggregate_id: UUID) -> UUID | None:
        """Whose it is, None for nobody's; raises `NotFound` where there is none."""
        raise NotImplementedError

    def require_right(self, request: Request, aggregate_id: UUID) -> None:
        """Whoever may not even see it is not told that there is one."""
        login, mine = signed_in(request), is_owner(request, self.owner_of(aggregate_id))
        if not (mine or login.has_perm(self.seen_with)):
            raise NotFound
        if not (mine and self.owner) and not (self.permission and login.has_perm(self.permission)):
            raise NotAllowed


def is_owner(request: Request, owner: UUID | None) -> bool:
    return owner is not None and customer_port.registered().person_of(signed_in(request)) == owner
