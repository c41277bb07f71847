"""Which log this program reads: what EVENT_LOG_URL says."""

from __future__ import annotations

from django.conf import settings

from eventshop.messaging.database_event_log import DatabaseLog
from eventshop.messaging.event_log import EventLog


def event_log() -> EventLog:
    """The log the projections read. Clients connect when they are used."""
    if not settings.KAFKA_OPTIONS:
        return DatabaseLog()
    from eventshop.messaging.kafka_event_log import KafkaLog  # kafka-python is only needed where there is a Kafka

    return KafkaLog()
