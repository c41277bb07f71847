"""manage.py carry_out_retention [--dry-run]: erase what no duty keeps any more, as the daily job does."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from eventshop.privacy import retention_job
from eventshop.runtime.management_command import ManagementCommand


class Command(ManagementCommand):
    help = (
        "Erase the personal data that no rule of the retention file keeps any more. A periodic job does it once a day. "
        "With --dry-run, only show what is due, or what will be on a day."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Change nothing; show what is due.")
        parser.add_argument("--on", type=date.fromisoformat, help="With --dry-run: what is due on that day.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["on"] and not options["dry_run"]:
            raise CommandError("--on needs --dry-run: only what is due today is erased")
        if options["dry_run"]:
            now = datetime.combine(options["on"], time(), UTC) if options["on"] else timezone.now()
            for item in retention_job.preview(now=now):
                least = "" if item.is_complete else "at least "
                why = f"ended before {item.ended_before:%Y-%m-%d}, {item.rule.years} years: {item.rule.duty}"
                self.stdout.write(f"{item.rule.about}: {least}{item.due} due, {item.held} held ({why})")
            return
        for run in retention_job.carry_out_retention():
            self.stdout.write(f"{run.about}: {run.erased} erased, {run.held} held; certificate {run.run_id}")
        self.stdout.write("Nothing else is due.")
