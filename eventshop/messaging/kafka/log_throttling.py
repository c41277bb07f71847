"""kafka-python says several times a second that a broker is away, from every client: once in a while is enough."""

from __future__ import annotations

import logging
from time import monotonic
from typing import Final

#: Seconds until the same logger is heard again with the same kind of trouble.
EVERY_S: Final = 30.0


class KafkaOnce(logging.Filter):
    """Lets a warning or error of kafka-python pass if its logger said nothing of that level for a while."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith("kafka."):
            return True
        now, kind = monotonic(), (record.name, record.levelno)
        if now < self._said.get(kind, -EVERY_S) + EVERY_S:
            return False
        self._said[kind] = now
        return True
