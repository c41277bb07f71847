"""What a token may be used for. A session may do all that the person may."""

from __future__ import annotations

from typing import Any, Final

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from eventshop.web.models import ApiToken
from eventshop.web.shared.errors import NotSignedIn, OutOfScope

SCOPES: Final = {
    "orders:read": "See orders, customers' totals and what happened",
    "orders:write": "Place, pay, ship, cancel and return orders",
    "stock:read": "See stock levels",
    "stock:write": "Receive and write off stock",
    "sales:read": "See sales by day and by product",
    "trades:read": "See trades, positions and markets",
    "trades:write": "Submit, fill, correct, cancel and settle trades, open accounts and set limits",
    "people:read": "See who people are and what they agreed to",
    "people:write": "Change details, agree, take back, ask for erasure",
    "events:read": "Read events and follow the feed",
    "webhooks:read": "See webhooks and what became of each message",
    "webhooks:write": "Make, change and remove webhooks, and send messages again",
}


class InScope(BasePermission):
    """Somebody is signed in, and their token is for this. A view says it by method: `scopes = {"GET": …}`."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            raise NotSignedIn
        needed = view.scopes.get("GET" if request.method in ("HEAD", "OPTIONS") else request.method)
        if isinstance(request.auth, ApiToken) and needed and needed not in request.auth.scopes.split():
            raise OutOfScope(f"This token was not made for {needed}", scope=needed)
        return True
