"""A client that cannot reach Kafka leaves neither threads nor sockets behind, however often a worker tries again."""

from __future__ import annotations

import gc
import logging
import os
import threading
from collections.abc import Callable
from socket import socket
from typing import Any

import pytest
from pytest_django import Settings

from eventshop.messaging.kafka import clients

CONSTRUCTORS: list[Callable[[], Any]] = [
    clients.create_consumer,
    lambda: clients.create_producer("relay"),
    lambda: clients.open_admin_client().__enter__(),
]


@pytest.mark.parametrize("construct", CONSTRUCTORS, ids=["consumer", "producer", "admin client"])
def test_a_client_that_cannot_connect_leaves_nothing_behind(
    construct: Callable[[], Any], settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "kafka")  # a captured record would keep its exception, and so the socket
    with socket() as bound:  # to a port where nobody listens
        bound.bind(("127.0.0.1", 0))
        server = f"127.0.0.1:{bound.getsockname()[1]}"
        settings.KAFKA_OPTIONS = {"bootstrap_servers": [server], "bootstrap_timeout_ms": 20}
        threads, files = set(threading.enumerate()), _count_open_files()
        for _ in range(10):
            with pytest.raises(clients.KafkaUnavailable, match=server):
                construct()
        assert set(threading.enumerate()) <= threads
        assert _count_open_files() == files


def _count_open_files() -> int:
    gc.collect()  # kafka-python leaves the socket of a refused connection to the collector
    return len(os.listdir("/dev/fd"))
