"""The AsyncAPI 3.0 document: what EventShop sends, on Kafka and over HTTP, generated from the catalogue of messages."""

from __future__ import annotations

import json
from typing import Any, Final

from django.conf import settings
from django.db.models import Field

from eventshop.core.message_registry import registry
from eventshop.messaging.kafka.event_records import PARTITIONS
from eventshop.messaging.serialization.cloud_event_layout import CONTENT_TYPE
from eventshop.messaging.serialization.schema_registry import load_published_schemas
from eventshop.operations import message_catalogue
from eventshop.projections.projection import Projection, projection_registry
from eventshop.projections.read_model import ReadModel
from eventshop.projections.read_model_table import public_fields

FILE: Final = settings.BASE_DIR / "schemas" / "asyncapi.json"
#: AsyncAPI 3.0, "Multi Format Schema Object".
AVRO: Final = "application/vnd.apache.avro+json;version=1.9.0"
_JSON_TYPES: Final = {
    "BooleanField": {"type": "boolean"},
    "DateField": {"type": "string", "format": "date"},
    "DateTimeField": {"type": "string", "format": "date-time"},
    "DecimalField": {"type": "string", "description": "A decimal number as text, so that no reader rounds it."},
    "UUIDField": {"type": "string", "format": "uuid"},
}


def render_json() -> str:
    """The contents of schemas/asyncapi.json; a test compares them with the file."""
    return json.dumps(generate_document(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def generate_document() -> dict[str, Any]:
    """Generate the document."""
    names = [event.name for event in message_catalogue.events()]
    projections = sorted(projection_registry.select([]), key=lambda projection: projection.name)
    channels = {"event-store": _event_store(names), "events": _event_feed(names)} | {
        projection.topic: _row_channel(projection) for projection in projections
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "EventShop",
            "version": settings.SPECTACULAR_SETTINGS["VERSION"],
            "description": "Events and rows of read models that EventShop sends. Commands go through the HTTP API, "
            "which openapi.json describes.",
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {"host": "kafka:9092", "protocol": "kafka", "description": "As EVENT_LOG_URL says."},
            "http": {"host": "localhost:8000", "protocol": "http", "description": "The HTTP API."},
        },
        "channels": channels,
        "operations": {f"send.{name}": {"action": "send", "channel": _ref("channels", name)} for name in channels},
        "components": {
            "messages": {
                **{f"{name}.avro": message for name, message in _avro_messages().items()},
                **{name: _json_message(event) for name, event in zip(names, message_catalogue.events(), strict=True)},
            },
            "schemas": _event_schemas(),
        },
    }


def _ref(*path: str) -> dict[str, str]:
    return {"$ref": "#/" + "/".join(path)}


def _event_store(names: list[str]) -> dict[str, Any]:
    return {
        "address": "event-store",
        "description": "Every event exactly once, those of one aggregate in order. A record's key is the aggregate's "
        "id and the version; its value is a CloudEvent (schemas/envelope/CloudEvent.avsc), whose data is the event in "
        "Avro's single-object encoding, personal fields encrypted.",
        "servers": [_ref("servers", "kafka")],
        "messages": {name: _ref("components", "messages", f"{name}.avro") for name in names},
        "bindings": {"kafka": {"partitions": PARTITIONS, "topicConfiguration": {"cleanup.policy": ["compact"]}}},
    }


def _event_feed(names: list[str]) -> dict[str, Any]:
    return {
        "address": "/api/v1/events",
        "description": "The same events as server-sent events, with `Accept: text/event-stream`; webhooks send them "
        "too. The id of each is its position. Personal fields are null.",
        "servers": [_ref("servers", "http")],
        "messages": {name: _ref("components", "messages", name) for name in names},
    }


def _avro_messages() -> dict[str, dict[str, Any]]:
    """Each event in its current version, as it is on Kafka."""
    published = {(one.event_type, one.schema_version): one.schema for one in load_published_schemas()}
    return {
        event.name: {
            "name": event.name,
            "summary": _summary(event.about),
            "contentType": CONTENT_TYPE,
            "payload": {"schemaFormat": AVRO, "schema": _with_namespace(published[event.name, event.schema_version])},
            "x-schema-version": event.schema_version,
        }
        for event in message_catalogue.events()
    }


def _with_namespace(schema: Any) -> Any:
    """An Avro schema with the namespace beside the name: AsyncAPI's own schema of Avro knows no full names there."""
    if isinstance(schema, list):
        return [_with_namespace(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {name: _with_namespace(part) for name, part in schema.items()}
    if "." in str(parts.get("name", "")):
        parts["namespace"], _, parts["name"] = parts["name"].rpartition(".")
    return parts


def _json_message(event: message_catalogue.Message) -> dict[str, Any]:
    return {
        "name": event.name,
        "title": event.name,
        "summary": _summary(event.about),
        "contentType": "application/json",
        "payload": _ref("components", "schemas", event.name),
        "tags": [{"name": event.aggregate}],
        "x-schema-version": event.schema_version,
        "x-sagas": message_catalogue.sagas_hearing(event),
        "x-projections": message_catalogue.projections_hearing(event),
    }


def _summary(about: str) -> str:
    return about.partition("\n")[0]


def _event_schemas() -> dict[str, Any]:
    """The data of every event. Personal fields are null for readers who are not the person themselves."""
    types = registry.events
    schemas = message_catalogue.json_schemas(*types.values())
    for name, event in types.items():
        schema = schemas[event.__name__]
        for field in registry.personal_fields_of(event):
            schema["properties"][field.name] = {"anyOf": [schema["properties"][field.name], {"type": "null"}]}
        schemas[name] = schema
    return schemas


def _row_channel(projection: Projection[Any]) -> dict[str, Any]:
    name = f"{projection.name}-row"
    return {
        "address": projection.topic,
        "description": f"The newest value of each changed row of {projection.name} under its key; no value: the row is "
        "gone. Columns with personal data are left out.",
        "servers": [_ref("servers", "kafka")],
        "messages": {
            name: {
                "name": name,
                "summary": _summary(message_catalogue.about(projection.model)),
                "payload": _row_schema(projection.model),
            }
        },
    }


def _row_schema(model: type[ReadModel]) -> dict[str, Any]:
    fields = public_fields(model)
    return {
        "type": ["object", "null"],
        "required": [field.column for field in fields],
        "properties": {field.column: _column_schema(field) for field in fields},
    }


def _column_schema(field: Field[Any, Any]) -> dict[str, Any]:
    kind = field.get_internal_type()
    number = {"type": "integer"} if kind.endswith("IntegerField") or kind == "BigAutoField" else {"type": "string"}
    schema: dict[str, Any] = dict(_JSON_TYPES.get(kind, {} if kind == "JSONField" else number))
    return schema | {"type": [schema["type"], "null"]} if field.null and "type" in schema else schema
