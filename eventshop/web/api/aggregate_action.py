"""A command on one aggregate as a sub-resource, for the aggregate's owner or for staff with the permission."""

from __future__ import annotations

from typing import Any, ClassVar, Final
from uuid import UUID

from django.urls import reverse
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.errors import DuplicateName, RegistryError
from eventshop.core.message_registry import AnyAggregate
from eventshop.core.messages import Command
from eventshop.operations.rights import Audience, Rights
from eventshop.web.api import request_parsing
from eventshop.web.api.base_view import ApiView, require_login
from eventshop.web.api.command_endpoint import execute_command
from eventshop.web.shared import customer_port
from eventshop.web.shared.errors import NotAllowed, NotFound

#: The permission that lets staff see aggregates of others; read models stand above the domains and name it.
_view_permissions: Final[dict[type[AnyAggregate], str]] = {}


def register_view_permission(aggregate: type[AnyAggregate], permission: str) -> None:
    """Set the permission to see aggregates of this type. Raises `DuplicateName`."""
    if _view_permissions.setdefault(aggregate, permission) != permission:
        raise DuplicateName(f"{aggregate.__name__} has two view permissions", aggregate=aggregate.__name__)


def view_permission_for(aggregate: type[AnyAggregate]) -> str:
    """The permission that lets staff see such aggregates. Raises `RegistryError` where no plug-in names one."""
    try:
        return _view_permissions[aggregate]
    except KeyError:
        problem = f"No plug-in names a view permission for {aggregate.__name__}; add it to view_permissions"
        raise RegistryError(problem, aggregate=aggregate.__name__) from None


class AggregateAction(ApiView):
    """Allowed for the owner if `owner_allowed`, and for staff who have `permission` and may see such aggregates."""

    body: ClassVar[type[Struct]]
    owner_allowed: ClassVar[bool] = True
    permission: ClassVar[str] = ""
    status: ClassVar[int] = 200
    aggregate: ClassVar[type[AnyAggregate]]
    #: The URL name of the view that shows one.
    url_name: ClassVar[str]

    @classmethod
    def rights_of(cls, method: str) -> Rights:
        view = view_permission_for(cls.aggregate)
        if method == "GET":
            return Rights(Audience.OWNER, (view,))
        audience = Audience.OWNER if cls.owner_allowed else Audience.NOBODY
        return Rights(audience, (view, cls.permission) if cls.permission else ())

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
        if not (is_own or login.has_perm(view_permission_for(self.aggregate))):
            raise NotFound
        if not (is_own and self.owner_allowed) and not (self.permission and login.has_perm(self.permission)):
            raise NotAllowed


def is_owner(request: Request, owner: UUID | None) -> bool:
    return owner is not None and customer_port.current_adapter().person_of(require_login(request)) == owner
