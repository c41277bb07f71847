"""The root of the API: the caller's identity and scopes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.operations.access_log.declarations import NotLogged
from eventshop.operations.rights import Audience, Rights
from eventshop.web.api.base_view import ApiView, require_login
from eventshop.web.api.pagination import refuse_unknown_parameters
from eventshop.web.api.response_schemas import CallerIdentity
from eventshop.web.api.token_permissions import SCOPES
from eventshop.web.models import ApiToken
from eventshop.web.shared import customer_port


class Root(ApiView):
    """Your identity and scopes: request it first with a new token."""

    rights: ClassVar[Mapping[str, Rights]] = {"GET": Rights(Audience.SIGNED_IN)}
    access = NotLogged("the list of resources")
    response_schemas: ClassVar[dict[str, type[Struct]]] = {"GET": CallerIdentity}

    def get(self, request: Request) -> Response:
        refuse_unknown_parameters(request, ())
        login, token = require_login(request), request.auth
        person = customer_port.current_adapter().person_of(login)
        body: dict[str, Any] = {"person_id": person, "staff": login.is_staff, "scopes": list(SCOPES)}
        if isinstance(token, ApiToken):
            body |= {"scopes": token.scopes.split(), "token": token.name, "expires_at": token.expires_at}
        return Response(body)
