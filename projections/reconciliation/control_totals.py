"""Control totals beside what is found: one line for each, and whether it agrees."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.core.management.base import CommandError

#: Of a column; what is longer is printed over several lines.
WIDTH: Final = 36


class Answer(NamedTuple):
    """What a total is found to be, and who says so."""

    value: Any
    source: str


NOBODY: Final = Answer("nobody knows this total", "-")


def same(expected: object, found: object) -> bool:
    """Whether a total of the JSON is what was found; amounts are written as text there."""
    if isinstance(found, Decimal):
        try:
            return isinstance(expected, str) and Decimal(expected) == found
        except InvalidOperation:
            return False
    if isinstance(found, list):
        return isinstance(expected, list) and len(expected) == len(found) and all(map(same, expected, found))
    return expected == found


def shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(" ".join(map(shown, part)) if isinstance(part, list) else shown(part) for part in value)
    if isinstance(value, Decimal):  # the columns have more decimals than the books
        whole, point, decimals = f"{value:f}".partition(".")
        return f"{whole}{point}{decimals[:2]}{decimals[2:].rstrip('0')}"
    return str(value)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="The file that was imported.")
    parser.add_argument("--totals", metavar="JSON", type=Path, required=True, help="The control totals.")
    parser.add_argument("--section", help="Of the JSON; without it, the one that has as many rows as FILE.")


def sections(path: Path, *, with_field: str) -> dict[str, dict[str, Any]]:
    """The parts of a file of control totals that have a field; raises `CommandError`."""
    try:
        return {name: part for name, part in json.loads(path.read_bytes()).items() if with_field in part}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise CommandError(f"{path}: not a file of control totals: {error}") from error


def listed(parts: Mapping[str, Mapping[str, Any]]) -> str:
    return "; ".join(f"{name} ({part.get('rows')} rows)" for name, part in parts.items()) or "none"


def differences(
    write: Callable[[str], object],
    name: str,
    keys: Iterable[str],
    expected: Mapping[str, object],
    found: Mapping[str, Answer],
) -> int:
    """Write a line for each total; how many are not as expected."""
    head(write, name)
    return sum(not agrees(write, key, expected.get(key), found.get(key, NOBODY)) for key in keys)


def digest(values: Mapping[str, object]) -> str:
    """SHA-256 over `key|value` lines sorted by key; money with three decimals."""
    lines = "".join(f"{key}|{_written(values[key])}\n" for key in sorted(values))
    return sha256(lines.encode()).hexdigest()


def _written(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, Decimal) else str(value)


def head(write: Callable[[str], object], name: str) -> None:
    write(f"{name}\n  {'total':{WIDTH}}{'expected':{WIDTH}}{'found':{WIDTH}}according to")


def agrees(write: Callable[[str], object], key: str, expected: object, found: Answer) -> bool:
    """Write one line; gives whether the two are the same."""
    right = same(expected, found.value)
    mark, wanted, told = "=" if right else "≠", shown(expected), shown(found.value)
    if max(len(key), len(wanted), len(told)) < WIDTH:
        write(f"{mark} {key:{WIDTH}}{wanted:{WIDTH}}{told:{WIDTH}}{found.source}")
    else:
        write(f"{mark} {key} ({found.source})\n    expected {wanted}\n    found    {told}")
    return right
