"""Scopes of API tokens. A browser session has all scopes: it may do whatever the user may."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from eventshop.web.models import ApiToken
from eventshop.web.shared.errors import NotSignedIn, OutOfScope

SCOPES: Final = {
    "catalogue:read": "Read products, prices, availability, instruments and ways to pay",
    "orders:read": "Read orders, customer totals and the activity timeline",
    "orders:write": "Place, pay, ship, cancel and return orders",
    "stock:read": "Read stock levels",
    "stock:write": "Receive and write off stock",
    "sales:read": "Read sales by day and by product",
    "trades:read": "Read trades, positions and market data",
    "trades:write": "Submit, fill, correct, cancel and settle trades, open accounts and set limits",
    "people:read": "Read people's profiles and consents",
    "people:write": "Change contact details, grant and withdraw consents, request erasure",
    "events:read": "Read event streams and the event feed",
    "operations:read": "Read the state of projections and rebuilds",
    "operations:write": "Pause and rebuild projections, retry, skip and correct dead letters",
    "imports:read": "Read what became of files that were sent to be imported",
    "imports:write": "Send files to be imported",
    "webhooks:read": "Read webhooks and their deliveries",
    "webhooks:write": "Create, change and delete webhooks, and resend deliveries",
}

#: What a login without any permission can use: what is theirs, and what everybody may see.
CUSTOMER_SCOPES: Final = ("catalogue:read", "orders:read", "orders:write", "trades:read", "trades:write", "people:read",
                          "people:write")  # fmt: skip


def usable_scopes(login: AbstractBaseUser | AnonymousUser) -> dict[str, str]:
    """The scopes that a token of this login can use, with their descriptions."""
    is_staff = getattr(login, "is_staff", False) or bool(getattr(login, "get_all_permissions", set)())
    return SCOPES if is_staff else {scope: SCOPES[scope] for scope in CUSTOMER_SCOPES}


def require_scope(request: Request, scope: str) -> None:
    """Raise `OutOfScope` for a request by a token without this scope."""
    if isinstance(request.auth, ApiToken) and scope not in request.auth.scopes.split():
        raise OutOfScope(f"The token does not have the scope {scope}", scope=scope)


class TokenHasScope(BasePermission):
    """The caller is signed in, and their token has the scope that the view declares: `scopes = {"GET": …}`; or both."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            raise NotSignedIn
        needed = view.scopes.get("GET" if request.method in ("HEAD", "OPTIONS") else request.method)
        for scope in (needed or "").split():
            require_scope(request, scope)
        return True
