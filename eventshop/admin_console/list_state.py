"""What a list shows, as part of its address: the chosen columns; and the texts of its cells for a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from html.parser import HTMLParser
from itertools import islice
from typing import Any, Final, NamedTuple

from django.contrib.admin.utils import label_for_field, lookup_field
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from eventshop.admin_console.unfold_adapter import ChangeList

#: The parameter with the chosen columns, once for each.
COLUMNS: Final = "_columns"
#: Rows of an export that are loaded at once.
EXPORT_PAGE: Final = 500


class Column(NamedTuple):
    """A column that a list can show."""

    name: str
    label: str
    is_shown: bool


class StatefulChangeList(ChangeList):
    """A list whose columns its address chooses."""

    def get_filters_params(self, params: Any = None) -> Any:
        """Without the chosen columns, which are no condition."""
        conditions = super().get_filters_params(params)
        conditions.pop(COLUMNS, None)
        return conditions

    @property
    def columns(self) -> list[Column]:
        """All columns, the shown ones first, for the form that chooses."""
        return [
            Column(name, _label(name, self.model_admin), name in self.list_display)
            for name in map(str, self.model_admin.list_display)
        ]

    @property
    def number_columns(self) -> list[str]:
        """The shown columns that hold numbers, which are right-aligned."""
        return [name for name in map(str, self.list_display) if is_number_column(name, self.model_admin)]

    def export_rows(self, limit: int) -> Iterator[Any]:
        """The filtered rows in the order of the list."""
        rows = iter(self.queryset[:limit].iterator(chunk_size=EXPORT_PAGE))
        while page := list(islice(rows, EXPORT_PAGE)):
            yield from self.load_column_data(page)

    @property
    def is_narrowed(self) -> bool:
        """Whether a search or a filter leaves rows out."""
        return bool(self.query or self.has_active_filters)

    @property
    def coverage(self) -> str:
        """What the numbers below the list are about, in words."""
        shown, first = len(self.result_list), (self.page_num - 1) * self.list_per_page + 1
        bounded = getattr(self.paginator, "has_uncounted_rows", False)
        noun = self.opts.verbose_name if self.result_count == 1 else self.opts.verbose_name_plural
        matching = (" that matches" if self.result_count == 1 else " that match") if self.is_narrowed else ""
        if bounded:
            text = f"Rows {first:,}–{first + shown - 1:,} of more than {self.result_count:,} {noun}{matching}"
            return f"{text}; only the first {self.result_count:,} have pages: narrow the list by its filters"
        if shown < self.result_count:
            return f"Rows {first:,}–{first + shown - 1:,} of {self.result_count:,} {noun}{matching}"
        return f"{self.result_count:,} {noun}{matching}"

    def count_exported(self, limit: int) -> int | None:
        """How many rows an export has, at most `limit`; None where counting them would cost as much as the export."""
        return int(self.queryset.order_by().values("pk")[:limit].count())

    def load_column_data(self, page: list[Any]) -> list[Any]:
        """The page's rows with the other data that its columns show, loaded in a fixed number of queries."""
        return page


def chosen_columns(request: HttpRequest, offered: list[str], kept: Callable[[], list[str]]) -> list[str]:
    """The offered columns that the address chooses, else the kept ones, else all; always with the first, which leads
    to the row.
    """
    chosen = set((getattr(request, "GET", {}) and request.GET.getlist(COLUMNS)) or kept())
    return [name for name in offered if name == offered[0] or name in chosen] if chosen & set(offered) else offered


def is_number_column(name: str, model_admin: Any) -> bool:
    """Whether a column holds numbers: by its field's type, or as its function is decorated."""
    method = getattr(model_admin, name, None)
    if method is not None:
        return bool(getattr(method, "is_number", False))
    field = next((one for one in model_admin.opts.concrete_fields if one.name == name), None)
    kinds = ("IntegerField", "BigIntegerField", "SmallIntegerField", "DecimalField", "FloatField")
    return field is not None and not field.primary_key and field.get_internal_type() in kinds


def header_texts(cl: ChangeList) -> list[str]:
    """The labels of the shown columns."""
    return [_label(str(name), cl.model_admin) for name in _data_columns(cl)]


def row_texts(cl: ChangeList, row: Any) -> list[str]:
    """The cells of a row as texts: whole ids and exact times, numbers without thousands marks."""
    return [_cell_text(name, row, cl.model_admin) for name in _data_columns(cl)]


def _data_columns(cl: ChangeList) -> list[Any]:
    return [name for name in cl.list_display if name != "action_checkbox"]


def _label(name: str, model_admin: Any) -> str:
    return capfirst(str(label_for_field(name, model_admin.model, model_admin)))


def _cell_text(name: Any, row: Any, model_admin: Any) -> str:
    field, _, value = lookup_field(name, row, model_admin)
    if field is not None and getattr(field, "flatchoices", None):
        value = dict(field.flatchoices).get(value, value)
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    text = _html_text(value) if isinstance(value, SafeString) else str(value)
    text = text.replace("\N{NO-BREAK SPACE}", " ")
    if is_number_column(str(name), model_admin):
        text = text.replace(",", "")
    return "" if text == "–" else text


class _CellReader(HTMLParser):
    """The text of a cell. What stands exactly in an attribute wins: a time, or an id of which only the end is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.texts, self.exact = list[str](), ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self.exact = values.get("datetime") or values.get("data-copy") or self.exact

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def _html_text(html: str) -> str:
    reader = _CellReader()
    reader.feed(html)
    return reader.exact or " ".join("".join(reader.texts).split())
