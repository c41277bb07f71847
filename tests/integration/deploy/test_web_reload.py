"""SIGUSR2 replaces the web server: no request is refused, and a generation that cannot start replaces none."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from deploy.stack.processes import process_identity
from deploy.stack.reload import next_generation
from eventshop.eventstore.models import StoredEvent, StoredReceipt
from orders.models import Product
from tests.support.api_clients import token_of
from tests.support.customers import sign_up
from tests.support.request_load import Load, Send, order_of_two_mugs
from tests.support.waiting import wait_until
from tests.support.web_server import WebServer, gunicorn


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[WebServer]:
    with gunicorn(database_url, tmp_path, workers=2, env={"API_RATE": "100000/m"}) as server:
        yield server


@pytest.fixture
def place_order(clean_database: None) -> Send:
    Product.objects.create(sku="MUG", name="Mug, oat", price=Decimal("12.50"))
    return order_of_two_mugs(token_of(sign_up()))


def test_no_command_is_refused_or_lost_while_the_program_is_replaced(place_order: Send, server: WebServer) -> None:
    load, master = Load(server.address, place_order), server.process.pid
    with load.running():
        load.wait_for_more()
        os.kill(master, signal.SIGUSR2)
        successor = wait_until(lambda: next_generation(master), seen=server.log) or 0
        wait_until(lambda: server.process.poll() is not None, seen=server.log)
        load.wait_for_more()
    assert (load.failures, server.process.returncode) == ([], 0)
    orders = StoredEvent.objects.filter(event_type="OrderCreated").count()
    assert (orders, StoredReceipt.objects.filter(command_type="CreateOrder").count()) == (load.answers, load.answers)
    os.kill(successor, signal.SIGTERM)
    wait_until(lambda: process_identity(successor) is None, seen=server.log)


@pytest.mark.long(on="postgres")  # its server has a database of its own
def test_a_generation_whose_migrations_are_missing_replaces_none(tmp_path: Path) -> None:
    with gunicorn(f"sqlite:///{tmp_path / 'empty.sqlite3'}", tmp_path) as server:
        os.kill(server.process.pid, signal.SIGUSR2)
        wait_until(lambda: "Shutting down: Master.2" in server.log.read_text(), seen=server.log)
        assert "run `manage.py migrate` first" in server.log.read_text()
        load = Load(server.address)
        with load.running():
            load.wait_for_more()
        assert (load.failures, server.process.poll()) == ([], None)
