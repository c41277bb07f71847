"""manage.py acknowledge_records: accept foreign records on the topic of events, so that verify_log passes again."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any, Final

from eventshop.cli import kafka_commands
from eventshop.runtime.management_command import ManagementCommand

_LOCATION: Final = re.compile(r"(\d{1,9})@(\d{1,18})", re.ASCII)


def location(text: str) -> tuple[int, int]:
    """Parse PARTITION@OFFSET, as verify_log prints it."""
    found = _LOCATION.fullmatch(text)
    if found is None:
        raise ArgumentTypeError(f"{text!r} is not PARTITION@OFFSET, such as 3@1742")
    return int(found[1]), int(found[2])


def non_empty_text(text: str) -> str:
    """Text of 1 to 200 characters."""
    if not 1 <= len(text.strip()) <= 200:
        raise ArgumentTypeError("1 to 200 characters are needed")
    return text.strip()


class Command(ManagementCommand):
    help = "Acknowledge records of strangers on the topic event-store: verify_log lists them and no longer fails."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("locations", nargs="+", type=location, metavar="PARTITION@OFFSET")
        parser.add_argument("--operator", required=True, type=non_empty_text, help="Who has looked at the records.")
        parser.add_argument("--reason", required=True, type=non_empty_text, help="What they are; why they may stay.")

    def handle(self, *args: Any, locations: list[tuple[int, int]], operator: str, reason: str, **options: Any) -> None:
        kafka_commands.require_postgres_and_kafka("acknowledge_records")
        from eventshop.messaging.kafka import topics
        from eventshop.messaging.reconciliation import acknowledgements

        with kafka_commands.report_errors("Nothing was acknowledged."):
            rows = acknowledgements.acknowledge(topics.event_store_topic(), locations, operator=operator, reason=reason)
        for row in rows:
            self.stdout.write(f"{row}: acknowledged by {row.operator} ({row.reason}); {row.error}")
