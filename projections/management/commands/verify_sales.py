"""manage.py verify_sales FILE --totals control_totals.json: do the read models say what the shop's books say?"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.core.management.base import BaseCommand, CommandError

from eventshop.core.errors import EventShopError
from projections.models import OrderSummary
from projections.sales_file import SalesFile
from projections.sales_totals import by_period, sales_totals

READ_MODELS: Final = "read models"
FILE: Final = "file"
BOTH: Final = "read models, rows of cancellations from the file"


class Answer(NamedTuple):
    """What a total is found to be, and who says so."""

    value: Any
    source: str


#: Of a column; what is longer is printed over several lines.
WIDTH: Final = 36
NOBODY: Final = Answer("nobody knows this total", "-")


class Command(BaseCommand):
    help = "Compare each control total and digest with what the read models say; exits 1 on any difference."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="The file that was imported.")
        parser.add_argument("--totals", metavar="JSON", type=Path, required=True, help="The control totals.")
        parser.add_argument("--section", help="Of the JSON; without it, the one that has as many rows as FILE.")

    def handle(self, *args: Any, file: Path, totals: Path, section: str | None, **options: Any) -> None:
        try:
            sales = SalesFile(file)
        except EventShopError as error:
            raise CommandError(str(error)) from error
        name, expected = _section(totals, section, len(sales.rows))
        found = _answers(sales)
        # A day that only one of the two knows is a difference as well.
        keys = [*expected, *(key for key in found if key not in expected and key.startswith(("by_day.", "by_month.")))]
        self.stdout.write(f"{name}\n  {'total':{WIDTH}}{'expected':{WIDTH}}{'found':{WIDTH}}according to")
        differences = sum(not self._agrees(key, expected.get(key), found.get(key, NOBODY)) for key in keys)
        if differences:
            raise CommandError(f"{differences} of {len(keys)} totals differ.{_strangers(sales)}")
        self.stdout.write(f"All {len(keys)} totals agree.")

    def _agrees(self, key: str, expected: object, found: Answer) -> bool:
        agrees = same(expected, found.value)
        mark, wanted, told = "=" if agrees else "≠", _shown(expected), _shown(found.value)
        if max(len(key), len(wanted), len(told)) < WIDTH:
            self.stdout.write(f"{mark} {key:{WIDTH}}{wanted:{WIDTH}}{told:{WIDTH}}{found.source}")
        else:
            self.stdout.write(f"{mark} {key} ({found.source})\n    expected {wanted}\n    found    {told}")
        return agrees


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


def _answers(sales: SalesFile) -> dict[str, Answer]:
    models, rows = sales_totals(sales.customers, sales.stock_codes), sales.totals
    answers = {key: Answer(value, READ_MODELS) for key, value in models.items()}
    answers |= {key: Answer(value, FILE) for key, value in rows.items()}
    cancelled = rows["rows_by_kind.cancel"]
    answers["rows"] = Answer(models["rows_by_kind.sale"] + models["rows_by_kind.adjust"] + cancelled, BOTH)
    for name, length in (("by_day", 10), ("by_month", 7)):
        lines = sales.rows_by(length)
        for period, values in by_period(length).items():
            answers[f"{name}.{period}"] = Answer([lines[period], *values], "read models, rows from the file")
    return answers


def _section(path: Path, wanted: str | None, rows: int) -> tuple[str, dict[str, Any]]:
    try:
        sections = {
            name: part for name, part in json.loads(path.read_bytes()).items() if "cancel_line_matching" in part
        }
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise CommandError(f"{path}: not a file of control totals: {error}") from error
    known = "; ".join(f"{name} ({part.get('rows')} rows)" for name, part in sections.items()) or "none"
    if wanted is not None:
        if wanted not in sections:
            raise CommandError(f"{path}: there is no section {wanted}; there are: {known}")
        return wanted, dict(_flat(sections[wanted]))
    for name, part in sections.items():
        if part.get("rows") == rows:
            return name, dict(_flat(part))
    raise CommandError(f"{path}: no section is about {rows} rows; there are: {known}. Choose one with --section.")


def _flat(part: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """One entry for each total: `rows_by_kind.sale`, `by_day.2010-12-01`."""
    found: list[tuple[str, Any]] = []
    for name, value in part.items():
        if isinstance(value, dict):
            found += _flat(value, f"{name}.")
        elif name in ("by_day", "by_month"):
            found += [(f"{name}.{period[0]}", period[1:]) for period in value]
        else:
            found.append((f"{prefix}{name}", value))
    return found


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(" ".join(map(_shown, part)) if isinstance(part, list) else _shown(part) for part in value)
    if isinstance(value, Decimal):  # the columns have three decimals, the books two
        return f"{value:f}".removesuffix("0") if value == round(value, 2) else f"{value:f}"
    return str(value)


def _strangers(sales: SalesFile) -> str:
    """A hint: what else is in the store."""
    strange = set(OrderSummary.objects.values_list("reference", flat=True)) - sales.invoices
    return f" {len(strange)} orders in the read models are not of this file." if strange else ""
