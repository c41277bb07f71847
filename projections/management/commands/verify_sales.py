"""manage.py verify_sales FILE [--totals JSON]: reconcile events and read models with the shop's books."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandError

from eventshop.cli.importing.format_arguments import add_format_arguments, format_options
from eventshop.core.errors import EventShopError
from eventshop.runtime.management_command import ManagementCommand
from projections.models import OrderSummary
from projections.reconciliation import cancellation_events, file_totals
from projections.reconciliation.cancellation_events import Cancellations
from projections.reconciliation.control_totals import (
    ActualTotal,
    NotCompared,
    add_arguments,
    describe_sections,
    load_sections,
    report_differences,
)
from projections.reconciliation.sales_file import LAYOUT, SalesRow, read_sales
from projections.reconciliation.sales_totals import period_totals, sales_totals

FROM_READ_MODELS: Final = "read models"
FROM_FILE: Final = "file"
FROM_BOTH: Final = "read models, the rest from the file"
PERIODS: Final = {"by_day": 10, "by_month": 7}
ONLY_IN_FILE: Final = NotCompared("only the file tells, no read model keeps it")


class Command(ManagementCommand):
    help = (
        "Compare each control total and digest with the read models, and the sums of cancellations with the events. "
        "Without --totals, the control totals are computed from FILE. Exits 1 on any difference; what cannot be "
        "compared is told and is no difference."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_arguments(parser, totals_required=False)
        add_format_arguments(parser, LAYOUT)

    def handle(self, *args: Any, file: Path, totals: Path | None, section: str | None, **options: Any) -> None:
        try:
            rows = read_sales(file, format_options(options))
        except EventShopError as error:
            raise CommandError(str(error)) from error
        of_file, cancelled = totals_of_file(rows), cancellation_events.read_cancellations()
        name, expected = choose_section(totals, section, len(rows)) if totals else (file.name, of_file)
        actual = actual_totals(rows, of_file, cancelled, is_file_expected=totals is None)
        expected = expected | cancellation_events.event_sums(cancelled)
        # A day that only one of the two sources has is also a difference.
        keys = [*expected, *(key for key in actual if key not in expected and key.partition(".")[0] in PERIODS)]
        comparison = report_differences(self.stdout.write, name, keys, expected, actual)
        if comparison.different:
            raise CommandError(f"{comparison.result}{describe_other_orders(rows)}")
        self.stdout.write(comparison.result)


def totals_of_file(rows: Sequence[SalesRow]) -> dict[str, Any]:
    totals = file_totals.file_totals(rows)
    for name, length in PERIODS.items():
        totals |= {f"{name}.{period}": values for period, values in file_totals.period_totals(rows, length).items()}
    return totals


def actual_totals(
    rows: Sequence[SalesRow], of_file: Mapping[str, Any], cancelled: Cancellations, *, is_file_expected: bool
) -> dict[str, ActualTotal | NotCompared]:
    """The value of each total in the read models; of the others in the file, if that is not what is expected."""
    models = sales_totals({row.customer for row in rows} - {""}) | cancellation_events.read_model_sums()
    actual: dict[str, ActualTotal | NotCompared] = {
        key: ONLY_IN_FILE if is_file_expected else ActualTotal(value, FROM_FILE)
        for key, value in of_file.items()
        if key.partition(".")[0] not in PERIODS
    }
    actual |= {key: ActualTotal(value, FROM_READ_MODELS) for key, value in models.items()}
    # What is not imported, and rows that a return may add up to one line, are in no read model.
    unknown = sum(row.kind in ("cancel", "baddebt") for row in rows)
    counted = models["rows_by_kind.sale"] + models["rows_by_kind.adjust"]
    actual["rows"] = ActualTotal(counted + unknown, FROM_BOTH)
    actual["sum_all_rows"] = ActualTotal(models["net_revenue"] + Decimal(of_file["baddebt"]), FROM_BOTH)
    actual["cancel_line_matching.no_customer"] = ActualTotal(cancelled.anonymous_lines, "events")
    for kind in cancellation_events.MATCHING:
        actual[f"cancel_line_matching.{kind}"] = cancelled.describe_matching()
    for name, length in PERIODS.items():
        for period, values in period_totals(length).items():
            lines = of_file.get(f"{name}.{period}", [0])[0]
            actual[f"{name}.{period}"] = ActualTotal([lines, *values], FROM_BOTH)
    return actual


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
        elif name in PERIODS:
            entries += [(f"{name}.{period[0]}", period[1:]) for period in value]
        else:
            entries.append((f"{prefix}{name}", value))
    return entries


def describe_other_orders(rows: Sequence[SalesRow]) -> str:
    """A hint for the error text: orders in the read models that this file does not contain."""
    strange = set(OrderSummary.objects.values_list("reference", flat=True)) - {row.invoice for row in rows}
    return f" {len(strange)} orders in the read models are not in this file." if strange else ""
