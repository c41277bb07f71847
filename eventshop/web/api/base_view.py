"""What every resource of the API does alike."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import User as Login
from django.http import HttpResponseBase
from django.utils.decorators import method_decorator
from django.views.decorators.http import conditional_page
from rest_framework.request import Request
from rest_framework.views import APIView

from eventshop.web.api import rate_limiting, request_parsing
from eventshop.web.shared.errors import NotAllowed, NotSignedIn


@method_decorator(conditional_page, name="dispatch")
class ApiView(APIView):
    """A resource. `scopes` names what a token must be for, by method. What is read has an entity tag."""

    scopes: ClassVar[dict[str, str]] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        request_parsing.refuse_large(request)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer: HttpResponseBase = super().finalize_response(request, response, *args, **kwargs)
        rate_limiting.tell(request, answer)
        # What one person may see is no other's, and no proxy's to keep.
        answer.setdefault("Cache-Control", "private, no-cache")
        return answer


def signed_in(request: Request) -> Login:
    """Whose request it is."""
    if not isinstance(request.user, Login):
        raise NotSignedIn
    return request.user


def require(request: Request, permission: str) -> None:
    """Raises `NotAllowed` for whoever has not been given this permission."""
    if not signed_in(request).has_perm(permission):
        raise NotAllowed
