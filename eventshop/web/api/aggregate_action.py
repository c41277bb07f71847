"""A command on one aggregate as a sub-resource, for the aggregate's owner or for staff with the permission."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.urls import reverse
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.messages import Command
from eventshop.web.api import request_parsing
from eventshop.web.api.base_view import ApiView, require_login
from eventshop.web.api.command_endpoint import execute_command
from eventshop.web.shared import customer_port
from eventshop.web.shared.errors import NotAllowed, NotFound


class AggregateAction(ApiView):
    """Allowed for the owner if `owner_allowed`, and for staff who have `permission` and `view_permission`."""

    body: ClassVar[type[Struct]]
    owner_allowed: ClassVar[bool] = True
    permission: ClassVar[str] = ""
    status: ClassVar[int] = 200
    #: The permission to see such aggregates, and the URL name of the view that shows one.
    view_permission: ClassVar[str]
    url_name: ClassVar[str]

    def execute(self, request: Request, aggregate_id: UUID) -> Response:
        self.check_access(request, aggregate_id)
        body = request_parsing.parse_body(request, self.body)
        return execute_command(
            request,
            lambda command_id, _: self.build_command(aggregate_id, body, command_id),
            status=self.status,
            location=reverse(self.url_name, args=[aggregate_id]),
        )

    def build_command(self, aggregate_id: UUID, body: Any, command_id: UUID) -> Command:
        raise NotImplementedError

    def owner_of(self, aggregate_id: UUID) -> UUID | None:
        """The owner's person id, None if it has none; raises `NotFound` if the aggregate does not exist."""
        raise NotImplementedError

    def check_access(self, request: Request, aggregate_id: UUID) -> None:
        """Raise `NotFound` if the caller may not see the aggregate, `NotAllowed` if they may see but not change it."""
        login, is_own = require_login(request), is_owner(request, self.owner_of(aggregate_id))
        if not (is_own or login.has_perm(self.view_permission)):
            raise NotFound
        if not (is_own and self.owner_allowed) and not (self.permission and login.has_perm(self.permission)):
            raise NotAllowed


def is_owner(request: Request, owner: UUID | None) -> bool:
    return owner is not None and customer_port.current_adapter().person_of(require_login(request)) == owner
