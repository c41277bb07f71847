"""The page of a row: sections of fields as `fieldsets` declares them, tables of what belongs to it, and where to go.

`templates/console/row.html` draws it. A section is a fieldset with a heading; its fields are columns of the model, or
columns of the list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple, TypeAlias
from uuid import UUID

from django.contrib.admin.helpers import AdminReadonlyField
from django.contrib.admin.utils import lookup_field, quote
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Field, Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString

from eventshop.admin_console.formatting import EMPTY_VALUE, copy_button, datetime_html, format_value
from eventshop.datetimes import format_date_html

#: The template of a row's page.
ROW_TEMPLATE: Final = "console/row.html"
#: Rows of a table on such a page; the list of that model has the rest.
MAX_ROWS: Final = 50
#: From the colours of a list's labels to those of a badge.
_TONES: Final = {"success": "good", "warning": "warn", "danger": "bad"}

#: As Django types it, without its own names for the options.
Fieldset: TypeAlias = tuple[str, Any]


class Cell(NamedTuple):
    """One value of a table."""

    content: Any
    is_number: bool = False


class Table(NamedTuple):
    """Rows of another model on the page of a row. The first cell of each row is its name.

    `numbers`: the columns that are right-aligned. `all_url`: the list that has all of them.
    """

    heading: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    empty: str
    numbers: frozenset[str] = frozenset()
    all_url: str = ""

    def heads(self) -> Iterable[Cell]:
        return [Cell(name, name in self.numbers) for name in self.columns]

    def lines(self) -> Iterable[list[Cell]]:
        for row in self.rows:
            yield [Cell(value, name in self.numbers) for name, value in zip(self.columns, row, strict=True)]


class RowLink(NamedTuple):
    """A value of a section: the page of another row, a link for those who may see it."""

    model: type[Model]
    key: Any
    text: str

    def html(self, request: HttpRequest) -> str | SafeString:
        options = self.model._meta
        name = f"{options.app_label}.view_{options.model_name}"
        if not request.user.has_perm(name):
            return self.text
        url = reverse(f"admin:{options.app_label}_{options.model_name}_change", args=(quote(str(self.key)),))
        return link(url, self.text)


def section(heading: str, *names: str, is_last: bool = False) -> Fieldset:
    """A section of these fields under a heading. `is_last`: below the tables and the timeline."""
    return heading, {"fields": names, "classes": ("es-last",) if is_last else ()}


def link(url: str, text: str) -> SafeString:
    """A link of the console; only the text where there is no address."""
    return format_html('<a class="es-link" href="{}">{}</a>', url, text) if url else conditional_escape(text)


def badge(text: object, tone: str = "") -> SafeString:
    """A text as a badge; `tone` is `good`, `warn`, `bad` or empty."""
    return format_html('<span class="es-badge{}">{}</span>', f" es-{tone}" if tone else "", text)


def field_value(field: AdminReadonlyField, request: HttpRequest) -> str | SafeString:
    """The value of one field of a section as HTML."""
    try:
        column, source, value = lookup_field(field.field["field"], field.form.instance, field.model_admin)
    except (AttributeError, ValueError, ObjectDoesNotExist):
        return EMPTY_VALUE
    if isinstance(value, RowLink):
        return value.html(request)
    if column is not None and column.is_relation:
        return field.contents()
    colours = getattr(source, "label", None)
    if colours and value not in ("", EMPTY_VALUE):
        tone = colours.get(value, "") if isinstance(colours, Mapping) else ""
        return badge(value, _TONES.get(tone, ""))
    return show_value(value, column)


def show_value(value: Any, column: Field[Any, Any] | None = None) -> str | SafeString:
    """Any value as HTML: a choice by its name, an id to copy, a time with how long ago that is."""
    choices = dict(column.flatchoices) if column is not None else {}
    if choices and value in choices:
        return conditional_escape(choices[value]) or EMPTY_VALUE
    match value:
        case None | "":
            return EMPTY_VALUE
        case datetime():
            return datetime_html(value)
        case date():
            return format_date_html(value)
        case UUID():
            return format_html("<code>{}</code> {}", value, copy_button(value))
        case bytes() | memoryview():
            return format_html("<code>{}</code>", bytes(value).hex())
        case int() if column is not None and not isinstance(value, bool):
            return f"{value:,}"
    return conditional_escape(format_value(value))
