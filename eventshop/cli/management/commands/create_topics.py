"""manage.py create_topics: create the Kafka topics, or check the existing ones."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from eventshop.core.errors import EventShopError
from eventshop.projections import checkpoints
from eventshop.projections.projection import projection_registry


class Command(BaseCommand):
    help = "Create or check every topic: its partitions, its settings, and that it was not deleted and created again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--forget",
            action="append",
            default=[],
            metavar="TOPIC",
            help="Accept that this topic was deleted or created again; its events are published from the beginning.",
        )

    def handle(self, *args: Any, forget: list[str], **options: Any) -> None:
        if not settings.KAFKA_OPTIONS:
            raise CommandError("EVENT_LOG_URL does not name Kafka; the embedded event log has no topics")
        from eventshop.messaging.kafka import topics

        try:
            for name in forget:
                topics.forget_topic(name)
                if name == topics.event_store_topic():
                    checkpoints.reset_offsets()
                self.stdout.write(f"{name}: forgotten")
            for line in topics.ensure_topics(
                topics.topic_specs(projection.topic for projection in projection_registry.select([]))
            ):
                self.stdout.write(line)
        except EventShopError as error:
            raise CommandError(str(error)) from error
