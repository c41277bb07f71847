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


class NotCompared(NamedTuple):
    """Why a total cannot be compared."""

    reason: str


UNKNOWN_TOTAL: Final = NotCompared("neither the read models nor the file have such a total")


def values_match(expected: object, actual: object) -> bool:
    """Whether a control total equals the actual one. In a JSON file, amounts are text."""
    if isinstance(actual, Decimal):
        try:
            return isinstance(expected, str | Decimal) and Decimal(expected) == actual
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


def add_arguments(parser: ArgumentParser, *, totals_required: bool = True) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="The imported file.")
    parser.add_argument("--totals", metavar="JSON", type=Path, required=totals_required, help="The control totals.")
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
    actual: Mapping[str, ActualTotal | NotCompared],
) -> Comparison:
    """Write one line per total: equal (=), different (≠) or not compared (?)."""
    write_header(write, name)
    equal, different, not_compared = 0, 0, 0
    for key in keys:
        match actual.get(key, UNKNOWN_TOTAL):
            case NotCompared(reason):
                not_compared += 1
                write(f"? {key:{COLUMN_WIDTH}}{format_value(expected.get(key)):{COLUMN_WIDTH}}not compared: {reason}")
            case total if compare_total(write, key, expected.get(key), total):
                equal += 1
            case _:
                different += 1
    return Comparison(equal, different, not_compared)


class Comparison(NamedTuple):
    """How many totals agree, differ, and could not be compared."""

    equal: int
    different: int
    not_compared: int

    @property
    def result(self) -> str:
        """A sentence about the outcome."""
        compared = self.equal + self.different
        left_out = f" {self.not_compared} cannot be compared, see the lines with ?." if self.not_compared else ""
        if self.different:
            return f"{self.different} of {compared} totals differ.{left_out}"
        return f"All {compared} totals agree.{left_out}" if compared else f"No total was compared.{left_out}"


def rank(values: Mapping[str, Any]) -> list[list[Any]]:
    """Pairs of name and value, the largest value first; equal values by name."""
    return [[name, value] for name, value in sorted(values.items(), key=lambda item: (-item[1], item[0]))]


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
