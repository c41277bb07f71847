"""Creates the event log that the setting EVENT_LOG_URL selects."""

from __future__ import annotations

from django.conf import settings

from eventshop.messaging.database_event_log import DatabaseEventLog
from eventshop.messaging.event_log import EventLog


def create_event_log() -> EventLog:
    """Return the configured log. It connects on first use."""
    if not settings.KAFKA_OPTIONS:
        return DatabaseEventLog()
    from eventshop.messaging.kafka_event_log import KafkaEventLog  # kafka-python is needed only with Kafka

    return KafkaEventLog()
