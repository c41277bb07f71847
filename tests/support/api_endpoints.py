"""All endpoints of the API, read from the URL configuration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from django.urls import URLPattern, URLResolver, get_resolver
from msgspec import Struct
from rest_framework.views import APIView

_METHODS = ("get", "post", "put", "patch", "delete")
ROOT = "/api/v1/"


class Endpoint(NamedTuple):
    """A method, and a path below /api/v1/ with its parameters in braces."""

    method: str
    path: str


def endpoints() -> list[Endpoint]:
    """All endpoints that are REST framework views; the others serve files."""
    return [
        Endpoint(method, path.removeprefix(ROOT))
        for path, entry in _entries(get_resolver())
        if path.startswith(ROOT) and hasattr(entry.callback, "cls")
        for method in _METHODS
        if hasattr(entry.callback.cls, method)
    ]


def view_of(endpoint: Endpoint) -> type[APIView]:
    """The view of an endpoint."""
    view: type[APIView] = next(
        entry.callback.cls
        for path, entry in _entries(get_resolver())
        if path == ROOT + endpoint.path and hasattr(entry.callback, "cls")
    )
    return view


def request_bodies() -> list[type[Struct]]:
    """The types of the request bodies."""
    views = [entry.callback.cls for path, entry in _entries(get_resolver()) if hasattr(entry.callback, "cls")]
    return list(dict.fromkeys(view.body for view in views if hasattr(view, "body")))


def _entries(resolver: URLResolver, prefix: str = "/") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            for converter in ("uuid:", "str:", "int:"):
                path = path.replace(f"<{converter}", "{")
            yield path.replace(">", "}"), entry
        else:
            yield from _entries(entry, path)
