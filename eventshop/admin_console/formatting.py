"""Values as people read them: times, money, nested JSON."""

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

from eventshop.datetimes import exact_text, moment_text

NOTHING = "–"
#: As all our fields are called; ids and codes have digits, capitals or dashes.
_FIELD: Final = re.compile("[a-z]+(_[a-z]+)*")


def when(moment: datetime | None) -> str | SafeString:
    """A moment with its time zone, and how long ago that was."""
    if moment is None:
        return NOTHING
    return format_html(
        '<time datetime="{}" title="{}">{} <span class="es-subtle">{}</span></time>',
        moment.isoformat(),
        exact_text(moment),
        moment_text(moment, seconds=True),
        ago(moment),
    )


def ago(moment: datetime) -> str:
    """How long ago, in one unit: "3 hours ago", "just now", "in 2 days"."""
    now = timezone.now()
    if abs((now - moment).total_seconds()) < 60:
        return "just now"
    if moment > now:
        return f"in {timesince(now, moment, depth=1)}"
    return f"{timesince(moment, now, depth=1)} ago"


def amount(value: Decimal, currency: str) -> str:
    """An amount with at least two decimals, none of them invented: `9.00 GBP`, `0.795 GBP`. It does not wrap."""
    normal = value.normalize()
    exponent = normal.as_tuple().exponent
    decimals = max(2, -exponent) if isinstance(exponent, int) else 2
    return f"{value:,.{decimals}f}\N{NO-BREAK SPACE}{currency}".strip()


def pretty(text: str) -> str:
    """JSON text, indented; as it is when it is not JSON."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


def readable(value: Any) -> str | SafeString:
    """Anything JSON can hold: money as money, a list of objects as a table, an object as its fields."""
    match value:
        case None | "" | [] | ():
            return NOTHING
        case bool():
            return "yes" if value else "no"
        case {"amount": number, "currency": currency, **rest} if not rest:
            return _money(number, currency)
        case Mapping():
            return _fields(value)
        case [Mapping() as first, *others] if all(
            isinstance(item, Mapping) and item.keys() == first.keys() for item in others
        ):
            return _table(value)
        case str() | UUID():
            return str(value)
        case Sequence():
            return format_html_join(", ", "{}", ((readable(item),) for item in value))
    return str(value)


def label(name: str) -> str:
    """A field's name as words. What is no such name, an id or a code under which a state keeps something, stays."""
    return name.replace("_", " ").capitalize() if _FIELD.fullmatch(name) else name


def _money(number: Any, currency: Any) -> str:
    try:
        return amount(Decimal(number), str(currency))
    except (InvalidOperation, TypeError, ValueError):
        return f"{number} {currency}"


def _fields(value: Mapping[str, Any]) -> SafeString:
    pairs = ((label(str(name)), readable(item)) for name, item in value.items())
    return format_html('<dl class="es-fields">{}</dl>', format_html_join("", "<dt>{}</dt><dd>{}</dd>", pairs))


def _table(rows: Sequence[Mapping[str, Any]]) -> SafeString:
    head = format_html_join("", '<th scope="col">{}</th>', ((label(name),) for name in rows[0]))
    body = format_html_join(
        "",
        "<tr>{}</tr>",
        ((format_html_join("", "<td>{}</td>", ((readable(item),) for item in row.values())),) for row in rows),
    )
    return format_html(
        '<div class="es-scroll" tabindex="0" role="group" aria-label="Table, scrolls sideways"><table class="es-table">'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>",
        head,
        body,
    )
