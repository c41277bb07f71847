"""manage.py create_topics: create the Kafka topics, or check the existing ones."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import CommandError

from eventshop.core.errors import EventShopError
from eventshop.projections import checkpoints
from eventshop.projections.projection import projection_registry
from eventshop.runtime.management_command import ManagementCommand

if TYPE_CHECKING:
    from eventshop.messaging.kafka.topic_differences import TopicDifference


class Command(ManagementCommand):
    help = (
        "Create or check every topic: its partitions, replicas and settings, and that it was not deleted and created "
        "again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--forget",
            action="append",
            default=[],
            metavar="TOPIC",
            help="Accept that this topic was deleted or created again; its events are published from the beginning.",
        )
        parser.add_argument(
            "--forget-all", action="store_true", help="As --forget, for every topic: Kafka is a new one."
        )
        parser.add_argument(
            "--check", action="store_true", help="Change nothing; exit with 1 if a topic is not as it should be."
        )

    def handle(self, *args: Any, forget: list[str], forget_all: bool, check: bool, **options: Any) -> None:
        if not settings.KAFKA_OPTIONS:
            raise CommandError("EVENT_LOG_URL does not name Kafka; the embedded event log has no topics")
        from eventshop.messaging.kafka import topics

        specs = topics.topic_specs(projection.topic for projection in projection_registry.select([]))
        try:
            if check:
                self._check(topics.find_differences(specs), len(specs))
                return
            for name in [spec.name for spec in specs] if forget_all else forget:
                topics.forget_topic(name)
                if name == topics.event_store_topic():
                    checkpoints.reset_offsets()
                self.stdout.write(f"{name}: forgotten")
            for line in topics.ensure_topics(specs):
                self.stdout.write(line)
        except EventShopError as error:
            raise CommandError(str(error)) from error

    def _check(self, differences: Sequence[TopicDifference], count: int) -> None:
        for difference in differences:
            self.stdout.write(str(difference))
        if differences:
            wrong = len({difference.topic for difference in differences})
            raise CommandError(f"{wrong} of {count} topics are not as they should be")
        self.stdout.write(f"{count} topics are as they should be")
