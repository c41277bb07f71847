"""manage.py verify_trades FILE --totals control_totals.json: reconcile the read models with a file of public trades."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from eventshop.core.errors import EventShopError
from eventshop.runtime.management_command import ManagementCommand
from projections.reconciliation.control_totals import (
    ActualTotal,
    add_arguments,
    describe_sections,
    load_sections,
    report_differences,
)
from projections.reconciliation.trade_file import file_totals
from projections.reconciliation.trade_totals import trade_totals

FROM_READ_MODELS = "read models"
FROM_FILE = "file"


class Command(ManagementCommand):
    help = "Compare each control total and both minute digests with the read models; exits 1 on any difference."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_arguments(parser)

    def handle(self, *args: Any, file: Path, totals: Path, section: str | None, **options: Any) -> None:
        try:
            file_values = file_totals(file)
        except EventShopError as error:
            raise CommandError(str(error)) from error
        name, expected = choose_section(totals, section, file_values["distinct_market_symbol_trade_id"])
        actual = {key: ActualTotal(value, FROM_READ_MODELS) for key, value in trade_totals().items()}
        actual |= {key: ActualTotal(value, FROM_FILE) for key, value in file_values.items()}
        # An instrument or a minute that only one of the two sources has is also a difference.
        keys = [*expected, *(key for key in actual if key not in expected)]
        comparison = report_differences(self.stdout.write, name, keys, expected, actual)
        if comparison.different:
            raise CommandError(comparison.result)
        self.stdout.write(comparison.result)


def choose_section(path: Path, wanted: str | None, rows: int) -> tuple[str, dict[str, Any]]:
    parts = load_sections(path, with_field="by_market_symbol")
    for name, part in parts.items():
        if name == wanted or (wanted is None and part.get("rows") == rows):
            return name, flatten_section(part)
    condition = f"is named {wanted}" if wanted else f"has {rows} rows"
    raise CommandError(f"{path}: no section {condition}; sections: {describe_sections(parts)}.")


def flatten_section(part: dict[str, Any]) -> dict[str, Any]:
    """`by_market_symbol.BINANCE_SPOT/BTCUSDT.volume`: one entry for each total, and for each minute."""
    entries = {name: value for name, value in part.items() if not isinstance(value, dict | list)}
    for group in ("by_market_symbol", "by_symbol"):
        for name, totals in part.get(group, {}).items():
            entries |= {f"{group}.{name}.{field}": value for field, value in totals.items()}
    for market, symbol, minute, *totals in part.get("by_minute", []):
        entries[f"by_minute.{market}/{symbol}/{minute}"] = totals
    return entries
