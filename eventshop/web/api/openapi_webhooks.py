"""The OpenAPI description of what webhooks send: one operation for each type of event, with the fields of its data."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from eventshop.core.message_registry import registry

_REF: Final = "#/components/schemas/Event.{name}"
_HEADERS: Final = {
    "webhook-id": "The id of the delivery, the same in each attempt.",
    "webhook-timestamp": "When it was signed, in seconds since 1970.",
    "webhook-signature": "`v1,` and the signature; several are separated by spaces (Standard Webhooks).",
}


def event_schemas(taken: set[str]) -> dict[str, Any]:
    """The data of every event by `Event.NAME`. Personal fields can be null. `taken` are the other components."""
    types = registry.events
    components = msgspec.json.schema_components(list(types.values()), ref_template=_REF)[1]
    # The title, too: generators name classes by it, and `Money` is another component already.
    schemas = {f"Event.{name}": schema | {"title": f"Event.{name}"} for name, schema in components.items()}
    for name, event_type in types.items():
        properties = schemas[f"Event.{name}"]["properties"]
        for field in registry.personal_fields_of(event_type):
            properties[field.name] = {"anyOf": [properties[field.name], {"type": "null"}]}
    if both := taken & set(schemas):
        raise ValueError(f"two components are called {', '.join(sorted(both))}")
    return schemas


def webhook_operations() -> dict[str, Any]:
    """The requests that a webhook receiver gets (Standard Webhooks), by type of event."""
    return {name: {"post": _operation(name)} for name in (*sorted(registry.events), "TestEvent")}


def _operation(name: str) -> dict[str, Any]:
    event_type = registry.events.get(name)
    about = (event_type.__doc__ or "").strip() if event_type else "Sent on request, to try a receiver."
    return {
        "operationId": f"webhook_{name}",
        "summary": about.partition("\n")[0].rstrip(".") or name,
        "description": f"{about} Sent to the URL of a webhook; any response other than 2xx is retried.",
        "tags": ["webhooks"],
        "security": [],
        "parameters": [
            {"name": header, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
            for header, text in _HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _message_schema(name)}}},
        "responses": {
            "204": {"description": "Accepted."},
            "410": {"description": "Gone: the webhook is switched off."},
        },
    }


def _message_schema(name: str) -> dict[str, Any]:
    data: dict[str, Any] = {"type": "object"}
    if name in registry.events:
        record = {"properties": {"type": {"const": name}, "data": {"$ref": _REF.format(name=name)}}}
        data = {"allOf": [{"$ref": "#/components/schemas/EventRecord"}, record]}
    return {
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"const": name},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": data,
        },
    }
