"""manage.py verify_log: compare the event table with the topic on Kafka."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from eventshop.cli import kafka_commands
from eventshop.runtime.management_command import ManagementCommand


class Command(ManagementCommand):
    help = "Compare the event table with Kafka event by event; print the first difference and fail if there is one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--after",
            type=int,
            default=0,
            metavar="POSITION",
            help="Compare only what follows this position, for example where an interrupted run has stopped.",
        )
        kafka_commands.add_processes_argument(parser)

    def handle(self, *args: Any, after: int, processes: int | None, **options: Any) -> None:
        if after < 0:
            raise CommandError(f"--after is a position of the event table, 0 or more, not {after}")
        kafka_commands.check_processes(processes)
        kafka_commands.require_postgres_and_kafka("verify_log")
        with kafka_commands.report_errors("Nothing was changed."):
            kafka_commands.verify_topic(self, after=after, processes=processes)
