"""Compare control totals with actual totals, and print one line per total."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.core.management.base import CommandError

#: Width of a printed column; a longer value is printed over several lines.
COLUMN_WIDTH: Final = 36


class ActualTotal(NamedTuple):
    """The actual value of a total and its source."""

    value: Any
    source: str


UNKNOWN_TOTAL: Final = ActualTotal("no source has this total", "-")


def values_match(expected: object, actual: object) -> bool:
    """Whether a control total from the JSON file equals the actual one; amounts are text in the JSON."""
    if isinstance(actual, Decimal):
        try:
            return isinstance(expected, str) and Decimal(expected) == actual
        except InvalidOperation:
            return False
    if isinstance(actual, list):
        return isinstance(expected, list) and len(expected) == len(actual) and all(map(values_match, expected, actual))
    return expected == actual


def format_value(value: object) -> str:
    """A total as text, with as many decimals as the books have: at least two."""
    if isinstance(value, list):
        return ", ".join(
            " ".join(map(format_value, part)) if isinstance(part, list) else format_value(part) for part in value
        )
    if isinstance(value, Decimal):  # The columns have more decimals than the books.
        whole, point, decimals = f"{value:f}".partition(".")
        return f"{whole}{point}{decimals[:2]}{decimals[2:].rstrip('0')}"
    return str(value)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="The imported file.")
    parser.add_argument("--totals", metavar="JSON", type=Path, required=True, help="The control totals.")
    parser.add_argument("--section", help="Section of the JSON file; default: the one with as many rows as FILE.")


def load_sections(path: Path, *, with_field: str) -> dict[str, dict[str, Any]]:
    """Read the sections of a control totals file that have this field; raises `CommandError`."""
    try:
        return {name: part for name, part in json.loads(path.read_bytes()).items() if with_field in part}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise CommandError(f"{path}: not a file of control totals: {error}") from error


def describe_sections(parts: Mapping[str, Mapping[str, Any]]) -> str:
    return "; ".join(f"{name} ({part.get('rows')} rows)" for name, part in parts.items()) or "none"


def report_differences(
    write: Callable[[str], object],
    name: str,
    keys: Iterable[str],
    expected: Mapping[str, object],
    actual: Mapping[str, ActualTotal],
) -> int:
    """Write one line per total; returns how many differ."""
    write_header(write, name)
    return sum(not compare_total(write, key, expected.get(key), actual.get(key, UNKNOWN_TOTAL)) for key in keys)


def digest(values: Mapping[str, object]) -> str:
    """SHA-256 over `key|value` lines sorted by key; amounts have three decimals."""
    lines = "".join(f"{key}|{_digest_text(values[key])}\n" for key in sorted(values))
    return sha256(lines.encode()).hexdigest()


def _digest_text(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, Decimal) else str(value)


def write_header(write: Callable[[str], object], name: str) -> None:
    write(f"{name}\n  {'total':{COLUMN_WIDTH}}{'expected':{COLUMN_WIDTH}}{'actual':{COLUMN_WIDTH}}source")


def compare_total(write: Callable[[str], object], key: str, expected: object, actual: ActualTotal) -> bool:
    """Write one line; returns whether the two values are equal."""
    is_equal = values_match(expected, actual.value)
    mark, expected_text, actual_text = "=" if is_equal else "≠", format_value(expected), format_value(actual.value)
    if max(len(key), len(expected_text), len(actual_text)) < COLUMN_WIDTH:
        write(f"{mark} {key:{COLUMN_WIDTH}}{expected_text:{COLUMN_WIDTH}}{actual_text:{COLUMN_WIDTH}}{actual.source}")
    else:
        write(f"{mark} {key} ({actual.source})\n    expected {expected_text}\n    actual   {actual_text}")
    return is_equal
