"""Scopes of API tokens. A browser session has all scopes: it may do whatever the user may."""

from __future__ import annotations

from typing import Any, Final

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from eventshop.web.models import ApiToken
from eventshop.web.shared.errors import NotSignedIn, OutOfScope

SCOPES: Final = {
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
    "webhooks:read": "Read webhooks and their deliveries",
    "webhooks:write": "Create, change and delete webhooks, and resend deliveries",
}


class TokenHasScope(BasePermission):
    """The caller is signed in, and their token has the scope that the view declares: `scopes = {"GET": …}`."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            raise NotSignedIn
        needed = view.scopes.get("GET" if request.method in ("HEAD", "OPTIONS") else request.method)
        if isinstance(request.auth, ApiToken) and needed and needed not in request.auth.scopes.split():
            raise OutOfScope(f"The token does not have the scope {needed}", scope=needed)
        return True
