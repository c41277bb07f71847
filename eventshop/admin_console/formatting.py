"""Formatting of values for staff: times, money, nested JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from uuid import UUID

from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from eventshop.core.currencies import DECIMALS
from eventshop.core.decimal_math import decimal_places
from eventshop.datetimes import format_datetime, format_datetime_exact

EMPTY_VALUE = "–"
#: The form of every field name in a payload; ids and codes contain digits, capitals or dashes.
_FIELD_NAME: Final = re.compile("[a-z]+(_[a-z]+)*")


def datetime_html(moment: datetime | None) -> str | SafeString:
    """A `<time>` element: the time with its zone, and how long ago that is. A dash for None."""
    if moment is None:
        return EMPTY_VALUE
    return format_html(
        '<time datetime="{}" title="{}"><span class="es-exact">{}</span> <span class="es-subtle">{}</span></time>',
        moment.isoformat(),
        format_datetime_exact(moment),
        format_datetime(moment, seconds=True),
        time_ago(moment),
    )


def copy_button(value: object) -> SafeString:
    """A button that copies a value of which the text beside it shows the end; exports have the whole value."""
    return format_html(
        '<button type="button" class="es-copy" data-copy="{}" title="Copy {}"><span class="material-symbols-outlined" '
        'aria-hidden="true">content_copy</span><span class="es-hidden">Copy {}</span></button>',
        value,
        value,
        value,
    )


def time_ago(moment: datetime) -> str:
    """The distance from now in one unit: "3 hours ago", "just now", "in 2 days"."""
    now = timezone.now()
    if abs((now - moment).total_seconds()) < 60:
        return "just now"
    if moment > now:
        return f"in {timesince(now, moment, depth=1)}"
    return f"{timesince(moment, now, depth=1)} ago"


def format_amount(value: Decimal, currency: str) -> str:
    """An amount with its currency's decimals, or more where it has more: `9.00 GBP`, `0.795 GBP`, `500 JPY`.

    It does not wrap.
    """
    decimals = max(DECIMALS.get(currency, 2), decimal_places(value))
    return f"{value:,.{decimals}f}\N{NO-BREAK SPACE}{currency}".strip()


def indent_json(text: str) -> str:
    """JSON text with indentation; other text unchanged."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


def format_value(value: Any) -> str | SafeString:
    """Any JSON value as text or HTML: money with its currency, equal objects as a table, an object as fields."""
    match value:
        case None | "" | [] | ():
            return EMPTY_VALUE
        case bool():
            return "yes" if value else "no"
        case {"amount": number, "currency": currency, **rest} if not rest:
            return _format_money(number, currency)
        case Mapping():
            return _format_object(value)
        case [Mapping() as first, *others] if all(
            isinstance(item, Mapping) and item.keys() == first.keys() for item in others
        ):
            return _format_table(value)
        case str() | UUID():
            return str(value)
        case Sequence():
            return format_html_join(", ", "{}", ((format_value(item),) for item in value))
    return str(value)


def field_label(name: str) -> str:
    """A field's name as words: `Amount due`. Ids and codes, which a state may use as keys, stay as they are."""
    return name.replace("_", " ").capitalize() if _FIELD_NAME.fullmatch(name) else name


def _format_money(number: Any, currency: Any) -> str:
    try:
        return format_amount(Decimal(number), str(currency))
    except (InvalidOperation, TypeError, ValueError):
        return f"{number} {currency}"


def _format_object(value: Mapping[str, Any]) -> SafeString:
    pairs = ((field_label(str(name)), format_value(item)) for name, item in value.items())
    return format_html('<dl class="es-fields">{}</dl>', format_html_join("", "<dt>{}</dt><dd>{}</dd>", pairs))


def _format_table(rows: Sequence[Mapping[str, Any]]) -> SafeString:
    head = format_html_join("", '<th scope="col">{}</th>', ((field_label(name),) for name in rows[0]))
    body = format_html_join(
        "",
        "<tr>{}</tr>",
        ((format_html_join("", "<td>{}</td>", ((format_value(item),) for item in row.values())),) for row in rows),
    )
    return format_html(
        '<div class="es-scroll" tabindex="0" role="group" aria-label="Table, scrolls sideways"><table class="es-table">'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>",
        head,
        body,
    )
