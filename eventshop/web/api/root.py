"""Where the API begins: who is asking, and what for."""

from __future__ import annotations

from typing import Any, ClassVar

from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.web.api.base_view import ApiView, signed_in
from eventshop.web.api.response_schemas import Whoever
from eventshop.web.api.token_permissions import SCOPES
from eventshop.web.models import ApiToken
from eventshop.web.shared import customer_port


class Root(ApiView):
    """Who you are to the API: the first thing to ask with a new token."""

    answers: ClassVar[dict[str, type[Struct]]] = {"GET": Whoever}

    def get(self, request: Request) -> Response:
        login, token = signed_in(request), request.auth
        person = customer_port.registered().person_of(login)
        answer: dict[str, Any] = {"person_id": person, "staff": login.is_staff, "scopes": list(SCOPES)}
        if isinstance(token, ApiToken):
            answer |= {"scopes": token.scopes.split(), "token": token.name, "expires_at": token.expires_at}
        return Response(answer)
