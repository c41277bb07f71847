"""The base class of all API views."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Final, NamedTuple

from django.contrib.auth.models import User as Login
from django.http import HttpResponseBase
from django.utils.decorators import method_decorator
from django.utils.http import http_date
from django.views.decorators.http import conditional_page
from rest_framework.request import Request
from rest_framework.views import APIView

from eventshop.operations.access_log.declarations import Access
from eventshop.operations.rights import Rights
from eventshop.web.api import rate_limiting, request_parsing
from eventshop.web.shared.errors import NotAllowed, NotSignedIn

#: The permission to read events of everybody.
VIEW_EVENTS: Final = "store.view_storedevent"


class Deprecation(NamedTuple):
    """Since when a resource should not be used any more, and from when it may be gone."""

    since: datetime
    sunset: datetime


@method_decorator([rate_limiting.give_back_unchanged, conditional_page], name="dispatch")
class ApiView(APIView):
    """A resource. `scopes` maps each method to the token scope that it needs. GET responses have an entity tag."""

    scopes: ClassVar[dict[str, str]] = {}
    #: Announced in the headers of each answer, and in the OpenAPI document.
    deprecation: ClassVar[Deprecation | None] = None
    #: Whether a batch can contain its commands: an effect beside the command, such as an e-mail, cannot be rolled back.
    can_be_batched: ClassVar[bool] = True
    #: The largest body, in bytes.
    max_body_bytes: ClassVar[int] = request_parsing.MAX_BODY_BYTES
    #: What the access log records of its GET; each view with a GET says it.
    access: ClassVar[Access | None] = None
    #: Whom each method lets in; the methods enforce it.
    rights: ClassVar[Mapping[str, Rights]] = {}

    @classmethod
    def rights_of(cls, method: str) -> Rights | None:
        """The declared rights of a method."""
        return cls.rights.get(method)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        request_parsing.refuse_large_body(request, self.max_body_bytes)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        final_response: HttpResponseBase = super().finalize_response(request, response, *args, **kwargs)
        rate_limiting.add_rate_limit_headers(request, final_response)
        if self.deprecation:
            final_response["Deprecation"] = f"@{int(self.deprecation.since.timestamp())}"  # RFC 9745
            final_response["Sunset"] = http_date(self.deprecation.sunset.timestamp())  # RFC 8594
        # A response depends on the caller's permissions: no shared cache may store it.
        final_response.setdefault("Cache-Control", "private, no-cache")
        return final_response


def require_login(request: Request) -> Login:
    """The signed-in user; raises `NotSignedIn` for an anonymous request."""
    if not isinstance(request.user, Login):
        raise NotSignedIn
    return request.user


def require_permission(request: Request, permission: str) -> None:
    """Raise `NotAllowed` unless the caller has the permission."""
    if not require_login(request).has_perm(permission):
        raise NotAllowed
