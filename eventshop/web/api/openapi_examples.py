"""An example of what a schema describes: its own example where it has one, otherwise a value of each field."""

from __future__ import annotations

from typing import Any, Final

_BY_FORMAT: Final = {
    "date-time": "2026-01-30T12:00:00Z",
    "date": "2026-01-30",
    "uuid": "5a4f1f9e-1d0b-5c3e-8a7f-9b6c5d4e3f2a",
    "uri": "https://shop.example/api/v1/",
    "decimal": "12.5",
}
_BY_NAME: Final = {
    "amount": "12.50",
    "rate": "0.001",
    "currency": "GBP",
    "sku": "KIT-101",
    "instrument": "XETRA/SAP",
}
#: The fields that have no value at the end of a list.
_AT_THE_END: Final = frozenset(("next", "prev", "next_cursor", "prev_cursor"))
_BY_TYPE: Final = {"integer": 1, "number": 1.5, "boolean": False, "null": None}


def example_of(schema: dict[str, Any], components: dict[str, Any], name: str = "") -> Any:
    """An example that fits the schema; `name` is the field that it is of. References are to `components`."""
    match schema:
        case {"examples": [first, *_]}:
            return first
        case {"example": example} | {"const": example} | {"enum": [example, *_]}:
            return example
        case {"$ref": ref}:
            return example_of(components[ref.rpartition("/")[2]], components, name)
        case {"allOf": parts}:
            return {field: value for part in parts for field, value in example_of(part, components, name).items()}
        case {"anyOf": [first, *_]} | {"oneOf": [first, *_]}:
            return example_of(first, components, name)
        case {"type": list(kinds)}:
            kind = "null" if name in _AT_THE_END else kinds[0]
            return example_of({**schema, "type": kind}, components, name)
        case {"properties": properties}:
            shown = {field: kind for field, kind in properties.items() if field != "meta"}
            return {field: example_of(kind, components, field) for field, kind in shown.items()}
        case {"type": "array", "items": items}:
            return [example_of(items, components, name)]
        case {"type": "string"}:
            return _example_text(schema, name)
        case {"type": "object"} | {"additionalProperties": _}:
            return {}
        case {"type": kind}:
            return max(_BY_TYPE[kind] or 0, schema.get("minimum", 0)) if kind == "integer" else _BY_TYPE[kind]
        case _:
            return {}


def _example_text(schema: dict[str, Any], name: str) -> str:
    return _BY_NAME.get(name) or _BY_FORMAT.get(schema.get("format", "")) or name or "text"
