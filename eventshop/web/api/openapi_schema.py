"""The API's description (OpenAPI 3.1), made from what the resources say; `manage.py export_openapi` writes it."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from msgspec import Struct

from eventshop.core.messages import Instant
from eventshop.web.api.response_schemas import CommandReceipt, Problem, WebhookMessage

_REF: Final = "#/components/schemas/{name}"
#: What views take and answer besides what stands here; each view that is described adds its own.
_REQUEST_SCHEMAS: Final[dict[str, type[Struct]]] = {}
_RESPONSE_SCHEMAS: Final[dict[str, type[Struct]]] = {}


_SHARED_SCHEMAS: Final = (CommandReceipt, Problem, WebhookMessage)


def _header(name: str, description: str, *, required: bool = False) -> OpenApiParameter:
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, required=required, description=description)


IDEMPOTENCY_KEY: Final = _header(
    "Idempotency-Key", "1 to 200 printable characters, new for each command; sent again with it, it is done once.",
    required=True,
)  # fmt: skip
IF_MATCH: Final = _header("If-Match", 'The version you have seen, such as "7", or *.', required=True)
CONSISTENCY: Final = _header("Consistency-Token", "From a command's answer: wait until its effect is to be seen.")
PREFER: Final = _header("Prefer", "wait=SECONDS (ten at most); handling=strict to get 503 rather than an older state.")
WAIT: Final = _header("Prefer", "wait=SECONDS (ten at most): the answer waits until there is something to tell.")
ASYNC: Final = _header("Prefer", "respond-async: 202, and `Location` is where to ask what becomes of it.")
FIELDS: Final = OpenApiParameter("fields", str, description="Only these columns, separated by commas.")
_QUERY: Final = {
    "after": OpenApiParameter("after", int, description="The cursor of the last answer."),
    "after_version": OpenApiParameter("after_version", int, description="Only events with a higher version."),
    "as_of": OpenApiParameter("as_of", Instant.__origin__, description="As it was recorded up to this moment."),  # type: ignore[attr-defined]
    "at_version": OpenApiParameter("at_version", int, description="As it was after the event of this version."),
    "from_version": OpenApiParameter("from_version", int, description="From this version on; 0: before anything."),
    "since": OpenApiParameter("since", Instant.__origin__, description="From what was recorded by this moment on."),  # type: ignore[attr-defined]
    "time": OpenApiParameter(
        "time",
        str,
        enum=["recorded", "happened"],
        description="Which time `as_of` means: when it was recorded, or when it happened.",
    ),
    "types": OpenApiParameter("types", str, description="Only these event types, separated by commas."),
    "aggregate_type": OpenApiParameter("aggregate_type", str, description="Only events of such aggregates."),
    "limit": OpenApiParameter("limit", int, description="How many at most, up to 200."),
    "cursor": OpenApiParameter("cursor", str, description="Where the page begins: see `next` in the answer before."),
    "state": OpenApiParameter("state", str, enum=["waiting", "delivered", "failed"], description="Only these."),
}


_HEADERS: Final = {
    "ETag": "The version, to be sent as `If-Match` or `If-None-Match`.",
    "Link": "Where the next page is, or (`rel=status`) what becomes of the command.",
    "Location": "What the command was about; with status 202, where to ask what becomes of it.",
    "Consistency-Token": "To be sent with what is read next, to see the effect of the command.",
    "Consistency": "Whether the effect of the command that the token names is seen: `current` or `behind`.",
    "Preference-Applied": "`respond-async`, where that was preferred.",
    "Idempotency-Replayed": "`true`: this was answered before, and is not done again.",
    "RateLimit-Limit": "Requests that may be sent in one window.",
    "RateLimit-Remaining": "Requests that are left of them.",
    "RateLimit-Reset": "Seconds until the next window.",
    "X-Request-ID": "The trace id of this request.",
}
_COMMON_HEADERS: Final = ("ETag", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "X-Request-ID")
_COMMAND_HEADERS: Final = ("Location", "Link", "Consistency-Token", "Idempotency-Replayed", "Preference-Applied")
_LIST_HEADERS: Final = ("Link", "Consistency")


class ApiSchema(AutoSchema):
    """Reads a view's `body`, `status`, `answers`, `parameters` and what it inherits."""

    def get_operation_id(self) -> str:
        name = type(self.view).__name__
        verb = self.method.lower()
        if verb == "get" and (self._is_list_view() or name.endswith(("Events", "Webhooks", "Deliveries"))):
            verb = "list"
        words = re.sub(r"(?<!^)(?=[A-Z])", "_", re.sub("(List|Row)$", "", name)).lower()
        return f"{verb}_{words}"

    def get_tags(self) -> list[str]:
        return [re.sub(r"^/api/v1/?", "", self.path).partition("/")[0] or "about"]

    def get_override_parameters(self) -> list[Any]:
        if self.method != "GET":
            keyed = self.method in getattr(self.view, "keyed", (self.method,))
            versioned = getattr(self.view, "needs_version", True)
            follows = [ASYNC] if self._creates() else []
            return [*([IDEMPOTENCY_KEY] if keyed else []), *([IF_MATCH] if versioned else []), *follows]
        if hasattr(self.view, "resource"):
            return [FIELDS, CONSISTENCY, PREFER]
        waits = [WAIT] if getattr(self.view, "waits", False) else []
        return [*(_QUERY[name] for name in getattr(self.view, "parameters", ())), *waits]

    def get_request_serializer(self) -> Any:
        body = getattr(self.view, "body", None)
        if body is None or self.method not in ("POST", "PUT"):
            return None
        _REQUEST_SCHEMAS[body.__name__] = body
        return {"application/json": {"$ref": _REF.format(name=body.__name__)}}

    def get_response_serializers(self) -> Any:
        if hasattr(self.view, "resource") and self.method == "GET":
            return super().get_response_serializers()
        answers: dict[str, type[Struct] | None] = getattr(self.view, "answers", {})
        kind = answers.get(self.method, CommandReceipt)
        status = getattr(self.view, "status", 200) if self.method in ("POST", "PUT") else 200
        if kind is None:
            return {status if self.method == "POST" else 204: None}
        _RESPONSE_SCHEMAS[kind.__name__] = kind
        statuses = (status, 202) if self._creates() else (status,)
        return {it: {"$ref": _REF.format(name=kind.__name__)} for it in statuses}

    def _creates(self) -> bool:
        """Whether a command makes something, whose further way a program may prefer to be led to."""
        made = self.method == "POST" and getattr(self.view, "status", 200) == 201
        return made and "POST" not in getattr(self.view, "answers", {})

    def _is_list_view(self, serializer: Any = None) -> bool:
        return self.method == "GET" and hasattr(self.view, "orderings")

    def _get_response_bodies(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        problem = {"application/problem+json": {"schema": {"$ref": _REF.format(name="Problem")}}}
        said = {"default": {"description": "What is wrong.", "content": problem}}
        answers: dict[str, Any] = super()._get_response_bodies(*args, **kwargs)
        for answer in answers.values():
            answer["headers"] = self._headers(answer)
        return {**answers, **said}

    def _headers(self, answer: dict[str, Any]) -> dict[str, Any]:
        names = list(_COMMON_HEADERS)
        if "CommandReceipt" in str(answer):
            names += _COMMAND_HEADERS
        elif self._is_list_view():
            names += _LIST_HEADERS
        return {name: {"description": _HEADERS[name], "schema": {"type": "string"}} for name in names}

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation and "requestBody" in operation:
            operation["requestBody"]["required"] = True
        return operation


def add_components(result: dict[str, Any], generator: SchemaGenerator, **_: Any) -> dict[str, Any]:
    """Post-processing: the bodies that msgspec reads and writes, described by msgspec; and an example of each."""
    structs: list[type[Struct]] = [*_SHARED_SCHEMAS, *_RESPONSE_SCHEMAS.values(), *_REQUEST_SCHEMAS.values()]
    told = msgspec.json.schema_components(structs, ref_template=_REF)
    components: dict[str, Any] = told[1]
    for kind in structs:
        if example := getattr(kind, "example", None):
            components[kind.__name__]["examples"] = [example]
    schemas = result["components"]["schemas"]
    schemas |= _to_portable(components)
    result["components"]["schemas"] = dict(sorted(schemas.items()))
    result["webhooks"] = {"event": {"post": _webhook_operation()}}
    return result


def _webhook_operation() -> dict[str, Any]:
    """What the other side has to take: see Standard Webhooks."""
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    body = {"application/json": {"schema": {"$ref": _REF.format(name="WebhookMessage")}}}
    return {
        "operationId": "event",
        "description": "An event, to an address that staff have entered. Any answer but 2xx is tried again.",
        "parameters": [{"name": it, "in": "header", "required": True, "schema": {"type": "string"}} for it in names],
        "requestBody": {"required": True, "content": body},
        "responses": {"204": {"description": "Taken."}, "410": {"description": "Send no more."}},
    }


#: How decimals are written, in bodies and answers.
_DECIMAL: Final = r"^-?[0-9]+(\.[0-9]+)?$"


def _to_portable(schema: Any) -> Any:
    """Patterns as every language's regular expressions know them; decimals with theirs."""
    if isinstance(schema, dict):
        if schema.get("format") == "decimal":
            return {**schema, "pattern": _DECIMAL}
        return {
            name: value.replace(r"\Z", "$") if name == "pattern" else _to_portable(value) for name, value in schema.items()
        }
    return [_to_portable(item) for item in schema] if isinstance(schema, list) else schema


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "eventshop.web.api.authentication.Bearer"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "A token from the page Tokens for programs."}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "eventshop.web.api.authentication.Session"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "A browser's session; commands need the header X-CSRFToken too.",
        }


def generate_document() -> dict[str, Any]:
    """The whole description."""
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return schema
