"""Up to 100 commands in one request: each as if it came alone, or all or none of them. The answers are in order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
from django.core.handlers.wsgi import WSGIRequest
from django.urls import Resolver404, resolve
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.messages import NonEmptyText
from eventshop.eventstore.unit_of_work import batch_write
from eventshop.operations.rights import Audience, Rights
from eventshop.web.api import idempotency, request_parsing
from eventshop.web.api.base_view import ApiView
from eventshop.web.api.response_schemas import CommandReceipt
from eventshop.web.shared.errors import BatchRefused, InvalidBody

MAX_COMMANDS: Final = 100
_PREFIX: Final = "/api/v1/"
_SHOWN_HEADERS: Final = ("ETag", "Location", "Consistency-Token", "Idempotency-Replayed", "Retry-After")


class BatchCommand(Struct, frozen=True, forbid_unknown_fields=True):
    """One command as a request of its own: the path below `/api/v1/`, and the body. `if_match` is its header.

    Without `idempotency_key` the batch's own key and the place in the batch are the key.
    """

    path: NonEmptyText
    method: Literal["POST", "PUT", "DELETE"] = "POST"
    body: dict[str, Any] = {}
    if_match: Annotated[str, msgspec.Meta(max_length=100, pattern=r"^[!-~]*\Z")] = ""
    idempotency_key: Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[!#-~]*\Z")] = ""


class Batch(Struct, frozen=True, forbid_unknown_fields=True):
    """The commands. `atomic`: all are accepted, or none; otherwise each on its own."""

    example: ClassVar[dict[str, Any]] = {
        "atomic": False,
        "commands": [
            {"path": "stock/MUG/receipts", "body": {"quantity": 5, "reference": "D-1"}},
            {"path": "stock/BAG/receipts", "body": {"quantity": 3, "reference": "D-1"}},
        ],
    }

    commands: Annotated[tuple[BatchCommand, ...], msgspec.Meta(min_length=1, max_length=MAX_COMMANDS)]
    atomic: bool = False


class BatchResult(Struct, frozen=True):
    """The answer to one command: the status, headers and body that a request of its own would have had."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any] | None


class BatchResults(Struct, frozen=True):
    """The answers, in the order of the commands."""

    example: ClassVar[dict[str, Any]] = {
        "results": [{"status": 201, "headers": {"ETag": '"1"'}, "body": CommandReceipt.example}]
    }

    results: list[BatchResult]


class Batches(ApiView):
    """Batches of commands."""

    rights: ClassVar[Mapping[str, Rights]] = {"POST": Rights(Audience.SIGNED_IN)}
    body: ClassVar[type[Struct]] = Batch
    response_schemas: ClassVar[dict[str, type[Struct]]] = {"POST": BatchResults}
    needs_version = False

    def post(self, request: Request) -> Response:
        """Send up to 100 commands. Each needs the scope and permissions that it needs alone, and counts as a request.

        Not atomic: each command is accepted or refused on its own. Atomic: at the first that is refused the whole batch
        is, with `batch-refused`, and nothing is left behind. A repeated batch gets the first answers.
        """
        idempotency.command_id_from(request)
        key = request.headers["Idempotency-Key"].strip().strip('"')
        batch = request_parsing.parse_body(request, Batch)
        views = [_find_view(number, command) for number, command in enumerate(batch.commands)]

        def send_all() -> list[BatchResult]:
            results = []
            for number, (command, view) in enumerate(zip(batch.commands, views, strict=True)):
                results.append(_send(request, command, view, command.idempotency_key or f"{key[:190]}.{number}"))
                if batch.atomic and results[-1].status >= 400:
                    raise _refusal(number, results[-1])
            return results

        if batch.atomic:
            with batch_write():
                results = send_all()
        else:
            results = send_all()
        return Response(msgspec.to_builtins(BatchResults(results)))


def _find_view(number: int, command: BatchCommand) -> Any:
    """The view of a command; raises `InvalidBody` for what is no command of the API."""
    try:
        match = resolve(_PREFIX + command.path)
    except Resolver404:
        match = None
    view: Any = getattr(match.func, "cls", None) if match else None
    schemas = getattr(view, "response_schemas", {})
    is_command = isinstance(view, type) and issubclass(view, ApiView) and hasattr(view, command.method.lower())
    if not is_command or not view.can_be_batched or schemas.get(command.method, CommandReceipt) is not CommandReceipt:
        detail = f"{command.method} {command.path} is no command that a batch can contain"
        raise InvalidBody(detail, locations=[{"pointer": f"/commands/{number}/path", "detail": detail}])
    return match


def _send(request: Request, command: BatchCommand, match: Any, key: str) -> BatchResult:
    body = json.dumps(command.body).encode()
    environ = {name: value for name, value in request.META.items() if name not in ("HTTP_PREFER", "HTTP_IF_MATCH")}
    environ |= {
        "REQUEST_METHOD": command.method,
        "PATH_INFO": _PREFIX + command.path,
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_IDEMPOTENCY_KEY": key,
        "wsgi.input": BytesIO(body),
    }
    if command.if_match:
        environ["HTTP_IF_MATCH"] = command.if_match
    single = WSGIRequest(environ)
    single.user, single.session = request._request.user, request._request.session
    response = match.func(single, *match.args, **match.kwargs)
    if hasattr(response, "render") and not response.is_rendered:
        response.render()
    headers = {name: response[name] for name in _SHOWN_HEADERS if name in response}
    return BatchResult(response.status_code, headers, json.loads(response.content) if response.content else None)


def _refusal(number: int, result: BatchResult) -> BatchRefused:
    problem = result.body or {}
    detail = f"{problem.get('code', result.status)}: {problem.get('detail', '')}"
    places = [
        {**error, "pointer": f"/commands/{number}/body{error.get('pointer', '')}"}
        for error in problem.get("errors", [])
    ]
    return BatchRefused(
        f"Command {number} was refused with {detail}",
        locations=[{"pointer": f"/commands/{number}", "detail": detail}, *places],
    )
