"""An outage of Kafka does not fill the disk with lines."""

from __future__ import annotations

import logging

from eventshop.messaging.kafka import log_throttling
from eventshop.messaging.kafka.log_throttling import KafkaLogThrottle


def line(name: str, level: int) -> logging.LogRecord:
    return logging.LogRecord(name, level, "", 0, "no broker", (), None)


def test_kafkas_own_complaints_pass_once_in_a_while_for_each_kind() -> None:
    once = KafkaLogThrottle()
    assert once.filter(line("kafka.net", logging.ERROR))
    assert not once.filter(line("kafka.net", logging.ERROR))
    assert once.filter(line("kafka.net", logging.WARNING))
    assert once.filter(line("kafka.cluster", logging.ERROR))
    once._passed_at = {
        kind: at - log_throttling.QUIET_PERIOD_S for kind, at in once._passed_at.items()
    }  # a while later
    assert once.filter(line("kafka.net", logging.ERROR))


def test_what_we_say_ourselves_always_passes() -> None:
    once = KafkaLogThrottle()
    assert all(
        once.filter(line(name, logging.ERROR)) for name in ("eventshop.messaging.kafka.clients", "kafkaesque") * 2
    )
