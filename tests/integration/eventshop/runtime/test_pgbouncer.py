"""Commands, projections and sagas through PgBouncer in transaction mode, where connections change hands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from eventshop.eventstore.models import StoredEvent
from eventshop.sagas import timers
from orders.domain.commands import WriteOffStock
from tests.integration.eventshop.runtime.test_worker import everything_is_folded
from tests.support.celery_workers import Celery
from tests.support.order_fulfilment import load_order, load_stock, place_order, receive_stock
from tests.support.pgbouncer import transaction_pooler
from tests.support.processes import ROOT
from tests.support.read_models import assert_rows_equal_fold
from tests.support.waiting import DEADLINE_S

pytestmark = pytest.mark.postgres

SENDERS = 8
#: Each thread sends commands, alone and in transactions, to streams of its own and to one of all threads.
SEND = """
import django
django.setup()
from concurrent.futures import ThreadPoolExecutor
from django.db import connections, transaction
from tests.support.order_fulfilment import receive_stock
def send(number):
    for turn in range(10):
        receive_stock(f"sku-{number}", 1)
        with transaction.atomic():
            receive_stock(f"sku-{number}", 1)
        receive_stock("shared", 1)
    connections.close_all()
with ThreadPoolExecutor(THREADS) as pool:
    list(pool.map(send, range(THREADS)))
"""


def test_everything_works_through_a_pooler_in_transaction_mode(tmp_path: Path, database_url: str) -> None:
    with transaction_pooler() as pooled_url:
        celery = Celery(tmp_path, pooled_url)
        celery.environment |= {"DATABASE_POOLER": "on", "DATABASE_LISTEN_URL": database_url}
        sent = subprocess.run(
            [sys.executable, "-c", SEND.replace("THREADS", str(SENDERS))],
            cwd=ROOT,
            env={**celery.environment, "MESSAGES_FOLDER": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert sent.returncode == 0, sent.stderr
        assert load_stock("shared").on_hand == SENDERS * 10
        assert StoredEvent.objects.count() == SENDERS * 30
        receive_stock("mug", 5)
        order_id = place_order(("mug", 4))
        timers.set_timer("count", due=timezone.now(), command=WriteOffStock("mug", 1, "broken", "COUNT"))
        with celery.worker("all", "one", "filesystem://", "--sagas") as worker:
            worker.wait_until(lambda: load_order(order_id).status == "CANCELLED")
            worker.wait_until(lambda: load_stock("mug").on_hand == 4)
            worker.wait_until(everything_is_folded)
            worker.stop()
        assert_rows_equal_fold()
        assert "prepared statement" not in worker.log
        assert "Traceback" not in worker.log
        assert "DATABASE_LISTEN_URL" not in worker.log, "signals arrive by the direct connection"


def test_a_worker_that_hears_nothing_says_what_to_set(database_url: str) -> None:
    script = """
import django
django.setup()
from eventshop.runtime import postgres_signals, wake_signals
waiter = wake_signals.Waiter(wake_signals.Channel.EVENTS)
wake_signals.start_listening()
while True:
    waiter.wait(1)
    assert wake_signals.poll_interval_s() < 0.1
"""
    with transaction_pooler() as pooled_url:
        process = subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": pooled_url, "DATABASE_POOLER": "on"},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        try:
            assert "DATABASE_LISTEN_URL" in process.stderr.readline()
            assert process.poll() is None
        finally:
            process.kill()
            process.wait()
            process.stderr.close()


def test_a_pool_hands_prepared_statements_from_thread_to_thread(database_url: str) -> None:
    """Ten threads after each other use one pooled connection, on which the first has prepared the statements."""
    script = """
import django
django.setup()
from threading import Thread
from django.db import connection, connections
from tests.support.order_fulfilment import receive_stock
errors, servers = [], set()
def send():
    try:
        for _ in range(3):
            receive_stock("mug", 1)
        servers.add(connection.connection.info.backend_pid)
        connections.close_all()
    except Exception as error:
        errors.append(error)
for _ in range(10):
    thread = Thread(target=send)
    thread.start()
    thread.join()
connection.close_pool()
assert not errors, errors
print(len(servers))
"""
    used = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url, "DATABASE_POOL_SIZE": "7"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert (used.returncode, used.stdout.strip()) == (0, "1"), used.stderr
    assert load_stock("mug").on_hand == 30
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        assert cursor.fetchone()[0] <= 2
