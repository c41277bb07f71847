"""manage.py verify_log: compare the event table with the topic on Kafka."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from eventshop.cli import kafka_commands


class Command(BaseCommand):
    help = "Compare the event table with Kafka event by event; print the first difference and fail if there is one."

    def handle(self, *args: Any, **options: Any) -> None:
        kafka_commands.require_postgres_and_kafka("verify_log")
        with kafka_commands.report_errors("Nothing was changed."):
            kafka_commands.verify_topic(self)
