"""The OpenAPI 3.1 document, generated from the views' attributes; `manage.py export_openapi` writes it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

import msgspec
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from msgspec import Struct

from eventshop.core.decimal_text import DECIMAL_PATTERN
from eventshop.core.money import Money
from eventshop.web.api.openapi_webhooks import event_schemas, webhook_operations
from eventshop.web.api.resource import Resource
from eventshop.web.api.resource_serializer import META_SCHEMA, expandable
from eventshop.web.api.response_schemas import CommandReceipt, Problem, WebhookMessage

_REF: Final = "#/components/schemas/{name}"
#: The structs that views read and return, by name; filled while the document is generated.
_REQUEST_SCHEMAS: Final[dict[str, type[Struct]]] = {}
_RESPONSE_SCHEMAS: Final[dict[str, type[Struct]]] = {}


#: The resources with rows, by the name of their component.
_RESOURCES: Final[dict[str, Resource]] = {}

_SHARED_SCHEMAS: Final = (CommandReceipt, Money, Problem, WebhookMessage)


def _header(name: str, description: str, *, required: bool = False) -> OpenApiParameter:
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, required=required, description=description)


IDEMPOTENCY_KEY: Final = _header(
    "Idempotency-Key",
    "1 to 200 printable characters, new for each command. A retry with the same key is executed once.",
    required=True,
)
IF_MATCH: Final = _header(
    "If-Match", 'The version that you have read, such as "7", or * for any version.', required=True
)
CONSISTENCY: Final = _header(
    "Consistency-Token", "From a command's response: wait until the read model contains its effect."
)
PREFER: Final = _header(
    "Prefer", "wait=SECONDS (at most 10); handling=strict to get status 503 instead of an older state."
)
WAIT: Final = _header("Prefer", "wait=SECONDS (at most 10): the request waits until there is something to return.")
ASYNC: Final = _header("Prefer", "respond-async: status 202, and `Location` is the command's status resource.")
EXPAND: Final = "expand"
FIELDS: Final = OpenApiParameter("fields", str, description="Return only these columns, separated by commas.")
_QUERY: Final = {
    "after": OpenApiParameter("after", int, description="The `cursor` of the previous response."),
    "after_version": OpenApiParameter("after_version", int, description="Only events with a higher version."),
    "as_of": OpenApiParameter("as_of", datetime, description="As recorded up to this time."),
    "at_version": OpenApiParameter("at_version", int, description="The state after the event with this version."),
    "from_version": OpenApiParameter(
        "from_version", int, description="Compare from this version; 0 is the state before the first event."
    ),
    "since": OpenApiParameter("since", datetime, description="Compare from the state recorded up to this time."),
    "time": OpenApiParameter(
        "time",
        str,
        enum=["recorded", "happened"],
        description="Whether `as_of` means the time when events were recorded or when they happened.",
    ),
    "types": OpenApiParameter("types", str, description="Only these event types, separated by commas."),
    "aggregate_type": OpenApiParameter("aggregate_type", str, description="Only events of this aggregate type."),
    "limit": OpenApiParameter("limit", int, description="The largest number of results, up to 200."),
    "cursor": OpenApiParameter(
        "cursor", str, description="Where the page starts: `next_cursor` of the previous response."
    ),
    "kind": OpenApiParameter("kind", str, required=True, description="What kind of file it is."),
    "on_error": OpenApiParameter(
        "on_error", str, enum=["stop", "skip"], description="What a row does that cannot be imported."
    ),
    "dry_run": OpenApiParameter("dry_run", bool, description="Only say what would become of the rows."),
    "encoding": OpenApiParameter("encoding", str, description="Such as `cp1252`; without it UTF-8."),
    "delimiter": OpenApiParameter("delimiter", str, description="Between cells; without it that of the header."),
    "decimal": OpenApiParameter("decimal", str, enum=[".", ","], description="The decimal mark; else it is found out."),
    "dates": OpenApiParameter("dates", str, description="How times are written, such as `%d.%m.%Y %H:%M`."),
    "columns": OpenApiParameter("columns", str, description="`NAME=HEADER,…` where the header has other names."),
    "state": OpenApiParameter(
        "state", str, enum=["waiting", "delivered", "failed"], description="Only deliveries in this state."
    ),
}


_HEADERS: Final = {
    "ETag": "The version: send it as `If-Match` or `If-None-Match`.",
    "Link": "The next page (`rel=next`), or the command's status resource (`rel=status`).",
    "Location": "The resource that the command created or changed; with status 202, the command's status resource.",
    "Consistency-Token": "Send it with the next read to see the effect of the command.",
    "Consistency": "Whether the read model contains the command that the token names: `current` or `behind`.",
    "Preference-Applied": "`respond-async` if the client preferred it.",
    "Idempotency-Replayed": "`true`: the command was executed earlier; this is its stored receipt.",
    "RateLimit": "The requests left (`r`) in this window, and the seconds until the next one starts (`t`).",
    "RateLimit-Policy": "The number of requests allowed (`q`) in a window of so many seconds (`w`).",
    "RateLimit-Limit": "The number of requests allowed per window.",
    "RateLimit-Remaining": "The number of requests left in this window.",
    "RateLimit-Reset": "Seconds until the next window starts.",
    "X-Request-ID": "The id of this request: yours, if you sent a UUID in this header.",
}
_COMMON_HEADERS: Final = ("ETag", *(name for name in _HEADERS if name.startswith("RateLimit")), "X-Request-ID")
_COMMAND_HEADERS: Final = ("Location", "Link", "Consistency-Token", "Idempotency-Replayed", "Preference-Applied")
_LIST_HEADERS: Final = ("Link", "Consistency")


class ApiSchema(AutoSchema):
    """Derives an operation from the view's attributes: `body`, `status`, `response_schemas`, `parameters` and so on."""

    def get_operation_id(self) -> str:
        name = type(self.view).__name__
        verb = self.method.lower()
        if verb == "get" and (self._is_list_view() or name.endswith(("Events", "Webhooks", "Deliveries"))):
            verb = "list"
        noun = re.sub("Collection$", "s", re.sub("(List|Row)$", "", name))
        return f"{verb}_{re.sub(r'(?<!^)(?=[A-Z])', '_', noun).lower()}"

    def is_deprecated(self) -> bool:
        return getattr(self.view, "deprecation", None) is not None

    def get_summary(self) -> str:
        """The first sentence of the description."""
        text = " ".join(str(self.get_description()).partition("\n\n")[0].split())
        return re.split(r"[.;] |[.]$", text)[0]

    def get_tags(self) -> list[str]:
        return [re.sub(r"^/api/v1/?", "", self.path).partition("/")[0] or "about"]

    def get_override_parameters(self) -> list[Any]:
        if self.method != "GET":
            needs_key = self.method in getattr(self.view, "idempotency_key_methods", (self.method,))
            needs_version = getattr(self.view, "needs_version", True)
            asynchronous = [ASYNC] if self._creates() else []
            query = [_QUERY[name] for name in getattr(self.view, "post_parameters", ()) if self.method == "POST"]
            required = [*([IDEMPOTENCY_KEY] if needs_key else []), *([IF_MATCH] if needs_version else [])]
            return [*required, *asynchronous, *query]
        if hasattr(self.view, "resource"):
            return self._row_parameters(self.view.resource)
        waits = [WAIT] if getattr(self.view, "waits", False) else []
        return [*(_QUERY[name] for name in getattr(self.view, "parameters", ())), *waits]

    def _row_parameters(self, resource: Resource) -> list[OpenApiParameter]:
        parameters = [FIELDS]
        if names := expandable(resource):
            default = "" if self._is_list_view() or not resource.parts else "; without it, all but `meta`"
            text = f"What belongs to a row: one or more of {', '.join(names)}, separated by commas{default}."
            parameters.append(OpenApiParameter(EXPAND, str, description=text))
        if resource.list_has_past if self._is_list_view() else resource.has_past:
            parameters.append(_QUERY["as_of"])
        return [*parameters, *([CONSISTENCY, PREFER] if resource.projection else [])]

    def get_request_serializer(self) -> Any:
        body = getattr(self.view, "body", None)
        if (media_type := getattr(self.view, "body_media_type", "")) and self.method == "POST":
            return {media_type: {"type": "string", "minLength": 1}}
        if body is None or self.method not in ("POST", "PUT"):
            return None
        _REQUEST_SCHEMAS[body.__name__] = body
        return {"application/json": {"$ref": _REF.format(name=body.__name__)}}

    def get_response_serializers(self) -> Any:
        if hasattr(self.view, "resource") and self.method == "GET":
            _RESOURCES[self.view.resource.model.__name__] = self.view.resource
            return super().get_response_serializers()
        schemas: dict[str, type[Struct] | None] = getattr(self.view, "response_schemas", {})
        struct = schemas.get(self.method, CommandReceipt)
        status = getattr(self.view, "status", 200) if self.method in ("POST", "PUT") else 200
        if struct is None:
            return {status if self.method == "POST" else 204: None}
        _RESPONSE_SCHEMAS[struct.__name__] = struct
        statuses = (status, 202) if self._creates() else (status,)
        return {status: {"$ref": _REF.format(name=struct.__name__)} for status in statuses}

    def _creates(self) -> bool:
        """Whether the command creates a resource, so that the client may prefer an asynchronous response."""
        creates = self.method == "POST" and getattr(self.view, "status", 200) == 201
        return creates and "POST" not in getattr(self.view, "response_schemas", {})

    def _is_list_view(self, serializer: Any = None) -> bool:
        return self.method == "GET" and hasattr(self.view, "orderings")

    def _get_response_bodies(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        problem = {"application/problem+json": {"schema": {"$ref": _REF.format(name="Problem")}}}
        default = {"default": {"description": "A problem.", "content": problem}}
        bodies: dict[str, Any] = super()._get_response_bodies(*args, **kwargs)
        for response in bodies.values():
            response["headers"] = self._headers(response)
            if stream := response.get("content", {}).get("text/event-stream"):
                stream["schema"] = {"type": "string", "description": "Server-sent events; `data` is an EventRecord."}
        return {**bodies, **default}

    def _headers(self, response: dict[str, Any]) -> dict[str, Any]:
        names = list(_COMMON_HEADERS)
        if "CommandReceipt" in str(response):
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
    """Post-processing hook: adds the schemas of all structs that msgspec reads and writes, with their examples."""
    items = [part.item for resource in _RESOURCES.values() for part in resource.parts]
    structs: list[type[Struct]] = [*_SHARED_SCHEMAS, *items, *_RESPONSE_SCHEMAS.values(), *_REQUEST_SCHEMAS.values()]
    components: dict[str, Any] = msgspec.json.schema_components(structs, ref_template=_REF)[1]
    for struct in structs:
        if (example := getattr(struct, "example", None)) is not None:
            components[struct.__name__]["examples"] = [example]
    schemas = result["components"]["schemas"]
    schemas |= _to_portable(components)
    for name, resource in _RESOURCES.items():
        schemas[name]["properties"] |= _part_schemas(resource)
        schemas[name].setdefault("required", []).extend([computed.name for computed in resource.computed])
    schemas |= _to_portable(event_schemas(set(schemas)))
    result["components"]["schemas"] = dict(sorted(schemas.items()))
    result["webhooks"] = webhook_operations()
    operations = [operation for path in result["paths"].values() for operation in path.values()]
    for operation in operations:
        operation.setdefault("security", [])  # whoever has the link needs no token
    result["tags"] = [{"name": name} for name in sorted({tag for one in operations for tag in one.get("tags", ())})]
    return result


def _part_schemas(resource: Resource) -> dict[str, Any]:
    """What belongs to a row; none of it is required, because it is there on request."""
    lists = {
        part.name: {"type": "array", "items": {"$ref": _REF.format(name=part.item.__name__)}} for part in resource.parts
    }
    lists |= {computed.name: computed.schema for computed in resource.computed}
    return lists | ({"meta": META_SCHEMA} if "meta" in expandable(resource) else {})


def _to_portable(schema: Any) -> Any:
    """Replace `\\Z` in patterns, which not every regular expression dialect knows, and give decimals a pattern."""
    if isinstance(schema, dict):
        if schema.get("format") == "decimal":
            return {**schema, "pattern": DECIMAL_PATTERN}
        return {
            name: value.replace(r"\Z", "$") if name == "pattern" else _to_portable(value)
            for name, value in schema.items()
        }
    return [_to_portable(item) for item in schema] if isinstance(schema, list) else schema


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "eventshop.web.api.authentication.BearerAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "A token from the page API tokens."}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "eventshop.web.api.authentication.ApiSessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "A browser session; commands also need the header X-CSRFToken. Over HTTPS the cookie is "
            "named `__Host-sessionid`.",
        }


def generate_document() -> dict[str, Any]:
    """Generate the whole document."""
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return schema
