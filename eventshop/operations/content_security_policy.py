"""Content Security Policy: strict everywhere, with the exceptions that the admin theme (Unfold) needs."""

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest, HttpResponseBase

ADMIN_PREFIX = "/admin/"

# Unfold evaluates Alpine expressions and writes style attributes; its icons in CSS are data URLs.
# It needs no inline script, so `script-src` stays without 'unsafe-inline'.
ADMIN_DIRECTIVES = {
    "script-src": [SELF, UNSAFE_EVAL],
    "style-src": [SELF, UNSAFE_INLINE],
    "img-src": [SELF, "data:"],
}


class ContentSecurityPolicyMiddleware(CSPMiddleware):
    """Send the strict policy of the settings; for admin pages, add what Unfold needs."""

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if request.path_info.startswith(ADMIN_PREFIX):
            parts.update = {**ADMIN_DIRECTIVES, **(parts.update or {})}
        return parts
