"""manage.py verify_sales FILE --totals control_totals.json: reconcile the read models with the shop's books."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from eventshop.core.errors import EventShopError
from projections.models import OrderSummary
from projections.reconciliation.control_totals import (
    ActualTotal,
    add_arguments,
    describe_sections,
    load_sections,
    report_differences,
)
from projections.reconciliation.sales_file import SalesFile
from projections.reconciliation.sales_totals import period_totals, sales_totals

FROM_READ_MODELS: Final = "read models"
FROM_FILE: Final = "file"
FROM_BOTH: Final = "read models, rows of cancellations from the file"


class Command(BaseCommand):
    help = "Compare each control total and digest with the read models; exits 1 on any difference."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, file: Path, totals: Path, section: str | None, **options: Any) -> None:
        try:
            sales = SalesFile(file)
        except EventShopError as error:
            raise CommandError(str(error)) from error
        name, expected = choose_section(totals, section, len(sales.rows))
        actual = actual_totals(sales)
        # A day that only one of the two sources has is also a difference.
        keys = [*expected, *(key for key in actual if key not in expected and key.startswith(("by_day.", "by_month.")))]
        if wrong := report_differences(self.stdout.write, name, keys, expected, actual):
            raise CommandError(f"{wrong} of {len(keys)} totals differ.{describe_other_orders(sales)}")
        self.stdout.write(f"All {len(keys)} totals agree.")


def actual_totals(sales: SalesFile) -> dict[str, ActualTotal]:
    models, rows = sales_totals(sales.customers, sales.stock_codes), sales.totals
    answers = {key: ActualTotal(value, FROM_READ_MODELS) for key, value in models.items()}
    answers |= {key: ActualTotal(value, FROM_FILE) for key, value in rows.items()}
    cancelled = rows["rows_by_kind.cancel"]
    answers["rows"] = ActualTotal(models["rows_by_kind.sale"] + models["rows_by_kind.adjust"] + cancelled, FROM_BOTH)
    for name, length in (("by_day", 10), ("by_month", 7)):
        lines = sales.count_rows_by_date(length)
        for period, values in period_totals(length).items():
            answers[f"{name}.{period}"] = ActualTotal([lines[period], *values], "read models, rows from the file")
    return answers


def choose_section(path: Path, wanted: str | None, rows: int) -> tuple[str, dict[str, Any]]:
    parts = load_sections(path, with_field="cancel_line_matching")
    if wanted is not None:
        if wanted not in parts:
            raise CommandError(f"{path}: no section is named {wanted}; sections: {describe_sections(parts)}")
        return wanted, dict(flatten_section(parts[wanted]))
    for name, part in parts.items():
        if part.get("rows") == rows:
            return name, dict(flatten_section(part))
    raise CommandError(
        f"{path}: no section has {rows} rows; sections: {describe_sections(parts)}. Choose one with --section."
    )


def flatten_section(part: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """One entry for each total: `rows_by_kind.sale`, `by_day.2010-12-01`."""
    entries: list[tuple[str, Any]] = []
    for name, value in part.items():
        if isinstance(value, dict):
            entries += flatten_section(value, f"{name}.")
        elif name in ("by_day", "by_month"):
            entries += [(f"{name}.{period[0]}", period[1:]) for period in value]
        else:
            entries.append((f"{prefix}{name}", value))
    return entries


def describe_other_orders(sales: SalesFile) -> str:
    """A hint for the error text: orders in the read models that this file does not contain."""
    strange = set(OrderSummary.objects.values_list("reference", flat=True)) - sales.invoices
    return f" {len(strange)} orders in the read models are not in this file." if strange else ""
