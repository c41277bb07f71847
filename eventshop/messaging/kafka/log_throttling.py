"""Throttles the log of kafka-python: while a broker is down, each client logs several warnings a second."""

from __future__ import annotations

import logging
from time import monotonic
from typing import Final

#: Seconds during which further records of one logger and level are dropped.
QUIET_PERIOD_S: Final = 30.0


class KafkaLogThrottle(logging.Filter):
    """Passes a record of kafka-python if its logger has logged nothing at that level for `QUIET_PERIOD_S`."""

    def __init__(self) -> None:
        super().__init__()
        self._passed_at: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith("kafka."):
            return True
        now, key = monotonic(), (record.name, record.levelno)
        if now < self._passed_at.get(key, -QUIET_PERIOD_S) + QUIET_PERIOD_S:
            return False
        self._passed_at[key] = now
        return True
