"""Rows as JSON: amounts with their currency, one name for one id, and what belongs to a row on request."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final

import msgspec
from drf_spectacular.utils import extend_schema_field
from msgspec import Struct
from rest_framework import serializers

from eventshop.core.currencies import CURRENCIES, decimals_of
from eventshop.core.decimal_math import decimal_places
from eventshop.projections.read_model import ReadModel
from eventshop.web.api.resource import META_COLUMNS, Resource

MONEY_SCHEMA: Final = {"$ref": "#/components/schemas/Money"}
META_SCHEMA: Final = {
    "type": "object",
    "description": "The newest event in this row and where the projection read it: on request, `expand=meta`.",
    "required": ["event_id", "version", "partition", "offset"],
    "properties": {
        "event_id": {"type": "string", "format": "uuid"},
        "version": {"type": "integer"},
        "partition": {"type": "integer"},
        "offset": {"type": "integer"},
    },
}


def format_plain_amount(amount: Decimal, currency: str) -> str:
    """The amount at the precision of its currency: 12.50 GBP, 500 XOF. Further digits stay if they are not zeros."""
    decimals = decimals_of(currency) if currency in CURRENCIES else 0
    return f"{amount:.{max(decimals, decimal_places(amount))}f}"


def format_money(amount: Decimal | None, currency: str) -> dict[str, str] | None:
    """`{"amount": "12.50", "currency": "GBP"}`; None stays None."""
    return None if amount is None else {"amount": format_plain_amount(amount, currency), "currency": currency}


class Amount(Struct, frozen=True):
    """An amount of money. `currency` is a code of ISO 4217, or what a trading venue calls a coin."""

    amount: Decimal
    currency: str


def to_json(item: Struct) -> Any:
    """A struct as JSON, each amount of money at the precision of its currency."""
    return _with_precision(msgspec.to_builtins(item, builtin_types=()))


def _with_precision(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"amount", "currency"}:
            return format_money(Decimal(value["amount"]), value["currency"])
        return {name: _with_precision(item) for name, item in value.items()}
    return [_with_precision(item) for item in value] if isinstance(value, list | tuple) else value


class MoneyColumn(serializers.Field):  # type: ignore[type-arg]
    """An amount together with the currency in another column of the row."""

    def __init__(self, column: str, currency: str, **options: Any) -> None:
        super().__init__(read_only=True, source="*", **options)
        self.column, self.currency = column, currency

    def to_representation(self, row: Any) -> dict[str, str] | None:
        return format_money(getattr(row, self.column), getattr(row, self.currency))


class RowSerializer(serializers.ModelSerializer[Any]):
    """All columns, or the requested ones. Personal columns are null for everybody but the owner."""

    def __init__(self, *args: Any, fields: Collection[str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in set(self.fields) - (set(self.fields) if fields is None else set(fields)):
            del self.fields[name]

    def to_representation(self, instance: Any) -> dict[str, Any]:
        columns = super().to_representation(instance)
        person, resource = self.context.get("person"), self.context["view"].resource
        owner = resource.owner
        if resource.personal and not (person and owner and getattr(instance, owner) == person):
            columns |= {name: None for name in resource.personal if name in columns}
        return dict(columns)


@cache
def serializer_class(resource: Resource) -> type[RowSerializer]:
    """One class for list and single row, so that the OpenAPI schema has one component for both."""
    columns, currencies = resource.shown_columns, resource.currency_columns
    names = [resource.name_of(column.name) for column in columns]
    attributes: dict[str, Any] = {}
    for column in columns:
        name, help_text = resource.name_of(column.name), str(column.help_text) or None
        if column.name in currencies:
            schema: Any = {"oneOf": [MONEY_SCHEMA, {"type": "null"}]} if column.null else MONEY_SCHEMA
            field = extend_schema_field(schema)(type("MoneyColumn", (MoneyColumn,), {}))
            attributes[name] = field(column.name, currencies[column.name], help_text=help_text)
        elif name != column.name:
            field = serializers.ModelSerializer.serializer_field_mapping[type(column)]
            attributes[name] = field(source=column.name, read_only=True, help_text=help_text)
    if resource.one_stream:
        text = "How many events it has: send it as `If-Match`."
        attributes["version"] = serializers.IntegerField(source="last_version", read_only=True, help_text=text)
        names.append("version")
    extra_kwargs = {name: {"allow_null": True} for name in resource.personal}
    options = {"model": resource.model, "fields": names, "read_only_fields": names, "extra_kwargs": extra_kwargs}
    return type(resource.model.__name__, (RowSerializer,), {**attributes, "Meta": type("Meta", (), options)})


def contained(
    resource: Resource, rows: list[Any], wanted: Collection[str], as_of: datetime | None
) -> Mapping[Any, dict[str, Any]]:
    """What belongs to each row, by its primary key: the parts of the resource that are wanted, and `meta`."""
    shown: dict[Any, dict[str, Any]] = {row.pk: {} for row in rows}
    parts = [part for part in resource.parts if part.name in wanted]
    if parts and resource.contents:
        found = resource.contents.load(rows, as_of)
        for key, columns in shown.items():
            for part in parts:
                items = part.read(found[key]) if key in found else ()
                columns[part.name] = [to_json(item) for item in items]
    if "meta" in wanted:
        for row in rows:
            shown[row.pk]["meta"] = {column.removeprefix("last_"): getattr(row, column) for column in META_COLUMNS}
    return shown


def expandable(resource: Resource) -> list[str]:
    """The names that `expand` takes."""
    return [*(part.name for part in resource.parts), *(["meta"] if issubclass(resource.model, ReadModel) else [])]
