"""The first page of the console. What it shows is the read models' to say, so it is a port."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from django.http import HttpRequest

from eventshop.core.port import Port

#: Adds to the context of `templates/admin/index.html`.
DashboardContext: TypeAlias = Callable[[HttpRequest, dict[str, Any]], dict[str, Any]]

dashboard_context: Final = Port[DashboardContext]("dashboard")


def add_dashboard_context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's `DASHBOARD_CALLBACK`."""
    return dashboard_context.get()(request, context)
