"""manage.py publish_projections: publish the outbox of the projections to Kafka exactly once, until stopped."""

from __future__ import annotations

import signal
from threading import Event as Signal
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import connection

from eventshop.runtime import wake_signals
from eventshop.runtime.management_command import ManagementCommand
from eventshop.runtime.metrics_server import serve_metrics


class Command(ManagementCommand):
    help = "Publish changed rows and dead letters to Kafka. If several publishers run, one is the leader."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.KAFKA_OPTIONS or connection.vendor != "postgresql":
            raise CommandError(
                "publish_projections needs PostgreSQL (DATABASE_URL) and Kafka (EVENT_LOG_URL=kafka://...)"
            )
        from eventshop.projections import outbox_publisher

        stop = Signal()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        self.stdout.write("Publishing; Ctrl-C stops after the current transaction.")
        wake_signals.start_listening()
        serve_metrics()
        outbox_publisher.run_publisher(stop)
        self.stdout.write("Stopped.")
