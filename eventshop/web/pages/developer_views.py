"""The pages for programmers at /developers/: how to begin, how the API works, and each of its operations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, Final, NamedTuple

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from eventshop.operations.rights import Audience, open_to
from eventshop.web.api.openapi_examples import example_of
from eventshop.web.api.openapi_views import FILE

#: The pages by their name in the URL.
GUIDES: Final = {
    "quickstart": "Quickstart",
    "concepts": "Concepts",
    "sandbox": "Sandbox",
    "webhooks": "Webhooks and events",
    "changes": "Changes and deprecations",
}


class Operation(NamedTuple):
    """One operation of the reference, with an example of its request and of its answer."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[dict[str, Any]]
    request: str
    status: str
    answer: str
    answer_name: str


@open_to(Audience.EVERYBODY)
@require_safe
def guide(request: HttpRequest, name: str = "quickstart") -> HttpResponse:
    """One of the written pages."""
    if name not in GUIDES:
        raise Http404
    address = request.build_absolute_uri("/").rstrip("/")
    context = {"guides": GUIDES, "shown": name, "address": address}
    return render(request, f"developers/{name}.html", context)


@open_to(Audience.EVERYBODY)
@require_safe
def reference(request: HttpRequest, tag: str = "") -> HttpResponse:
    """The list of all operations, or those of one resource in full."""
    operations = operations_by_tag()
    context: dict[str, Any] = {"guides": GUIDES, "shown": "reference", "tags": operations}
    if not tag:
        return render(request, "developers/reference.html", context)
    if tag not in operations:
        raise Http404
    context |= {"tag": tag, "operations": operations[tag]}
    return render(request, "developers/operations.html", context)


@cache
def operations_by_tag() -> dict[str, list[Operation]]:
    """All operations of the OpenAPI document, which does not change while the program runs."""
    document = json.loads(FILE.read_text())
    tags: dict[str, list[Operation]] = {}
    for operation, tag in _operations(document):
        tags.setdefault(tag, []).append(operation)
    return dict(sorted(tags.items()))


def _operations(document: dict[str, Any]) -> Iterator[tuple[Operation, str]]:
    components = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            status = next(status for status in operation["responses"] if status.startswith("2"))
            content = operation["responses"][status].get("content", {}).get("application/json", {})
            schema = content.get("schema")
            yield (
                Operation(
                    id=operation["operationId"],
                    method=method.upper(),
                    path=path,
                    summary=operation["summary"],
                    description=operation.get("description", ""),
                    parameters=operation.get("parameters", []),
                    request=_as_text(example_of(body["schema"], components)) if body else "",
                    status=status,
                    answer=_as_text(example_of(schema, components)) if schema else "",
                    answer_name=(schema or {}).get("$ref", "").rpartition("/")[2],
                ),
                operation["tags"][0],
            )


def _as_text(example: Any) -> str:
    return json.dumps(example, indent=2, ensure_ascii=False)
