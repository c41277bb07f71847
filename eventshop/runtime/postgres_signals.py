"""Signals between processes by PostgreSQL's NOTIFY and LISTEN, on a connection of their own.

Not in the transaction that appends: NOTIFY holds a lock of the whole server until its commit is done.
"""

from __future__ import annotations

import logging
import math
import select
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from secrets import token_hex
from threading import Event as Signal
from threading import Thread
from time import monotonic
from typing import Any, Final

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import pq
from psycopg.errors import error_from_result

from eventshop.runtime.backoff import WORKER_BACKOFF

log = logging.getLogger(__name__)

#: PostgreSQL's channel; the payload names ours.
NOTIFY_CHANNEL: Final = "eventshop"
#: The shortest time between two notifications of a process; the signals in between are merged.
MERGE_S: Final = 0.005
#: How long the self-test waits for its own notification before it reports that none arrives.
SELF_TEST_S: Final = 5.0
#: The kernel reports a server that disappeared without closing the connection after about a minute.
_KEEPALIVE: Final = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "connect_timeout": 10}
#: Django's own additions to the parameters of a connection.
_DJANGO_PARAMETERS: Final = ("cursor_factory", "context", "prepare_threshold")
_CLOSE_TIMEOUT_S: Final = 5.0


class PostgresSignals:
    """One thread with one connection, which sends this process's signals and receives those of others.

    It sleeps until there is something to send or to receive. After an error it connects again, and then wakes
    everybody, since signals may have been lost.
    """

    def __init__(
        self, deliver: Callable[[Iterable[str]], None], *, all_channels: Iterable[str], listen_url: str = ""
    ) -> None:
        self.is_listening = False
        self._deliver, self._all_channels, self._listen_url = deliver, tuple(all_channels), listen_url
        self._wants_to_listen = False
        self._self_test = _SelfTest()
        self._pending: set[str] = set()
        self._is_poked = False
        self._stop = Signal()
        self._poke_receiver, self._poke_sender = socket.socketpair()
        self._poke_receiver.setblocking(False)
        self._poke_sender.setblocking(False)
        self._thread = Thread(target=self._run, name="wake-signals", daemon=True)
        self._thread.start()

    def send(self, channels: Iterable[str]) -> None:
        self._pending.update(channels)
        if not self._is_poked:
            self._poke()

    def listen(self) -> None:
        if not self._wants_to_listen:
            self._wants_to_listen = True
            self._poke()

    def close(self) -> None:
        self._stop.set()
        self._poke()
        self._thread.join(_CLOSE_TIMEOUT_S)
        self._poke_sender.close()
        self._poke_receiver.close()

    def _poke(self) -> None:
        self._is_poked = True
        with suppress(OSError):  # full of pokes, or closed meanwhile
            self._poke_sender.send(b"\0")

    def _run(self) -> None:
        failures = 0
        while True:
            try:
                with self._connect() as connection:
                    if failures:
                        failures = 0
                        self._pending.update(self._all_channels)
                    self._exchange(connection.pgconn)
                return
            except Exception as error:  # an error that ended this thread would slow down every worker for good
                self.is_listening = False
                failures += 1
                log.warning("The connection for wake signals failed, connecting again: %s", error)
            if self._stop.wait(WORKER_BACKOFF.delay_s(failures)):
                return

    def _connect(self) -> psycopg.Connection[Any]:
        options: dict[str, Any] = {**_KEEPALIVE, "application_name": "eventshop-wake", "autocommit": True}
        if self._listen_url:
            return psycopg.connect(self._listen_url, **options)
        parameters: dict[str, Any] = connections[DEFAULT_DB_ALIAS].get_connection_params()
        return psycopg.connect(
            **{name: value for name, value in parameters.items() if name not in _DJANGO_PARAMETERS} | options
        )

    def _exchange(self, connection: pq.abc.PGconn) -> None:
        """Send and receive until this link is closed."""
        poller = select.poll()
        poller.register(connection.socket, select.POLLIN)
        poller.register(self._poke_receiver, select.POLLIN)
        has_listened, next_send_at = False, 0.0
        while not self._stop.is_set():
            if self._wants_to_listen and not has_listened:
                has_listened = True
                self._start_listening(connection)
            if monotonic() >= next_send_at and self._send_pending(connection):
                next_send_at = monotonic() + MERGE_S
            self._receive(connection)
            poller.poll(self._timeout_ms(next_send_at))
            with suppress(BlockingIOError):
                self._poke_receiver.recv(4096)
        self._send_pending(connection)  # the last work of a process that ends

    def _start_listening(self, connection: pq.abc.PGconn) -> None:
        _execute(connection, f"LISTEN {NOTIFY_CHANNEL}")
        self._deliver(self._all_channels)  # for what happened before
        self._self_test.begin()
        # On another connection: a pooler would return a notification to the session that sends it.
        with self._connect() as other:
            _execute(other.pgconn, f"NOTIFY {NOTIFY_CHANNEL}, '{self._self_test.payload}'")

    def _send_pending(self, connection: pq.abc.PGconn) -> bool:
        """Send the channels that were woken; return whether there were any."""
        self._is_poked = False  # before the look: a signal that comes later pokes again
        channels = self._pending.copy()
        if not channels:
            return False
        # Removed before they are sent: a commit that comes later adds its channel again.
        self._pending.difference_update(channels)
        # Asynchronous commit: a notification is stored nowhere, so there is no disk to wait for.
        names = ",".join(sorted(channels))
        _execute(connection, f"SET LOCAL synchronous_commit TO off; NOTIFY {NOTIFY_CHANNEL}, '{names}'")
        self._is_poked = True  # until the next look, which takes place anyway
        return True

    def _receive(self, connection: pq.abc.PGconn) -> None:
        connection.consume_input()
        while notification := connection.notifies():
            payload = notification.extra.decode()
            if payload == self._self_test.payload:
                self._self_test.succeed()
                self.is_listening = True
            elif notification.be_pid != connection.backend_pid:  # this process has been woken already
                self._deliver(payload.split(","))
        self._self_test.report_if_overdue()

    def _timeout_ms(self, next_send_at: float) -> int | None:
        """Until the merged signals are to be sent or the self-test is overdue; None for no limit."""
        until = next_send_at if self._is_poked else self._self_test.overdue_at
        return None if until is None else max(0, math.ceil((until - monotonic()) * 1000))


class _SelfTest:
    """A notification to oneself: a pooler in transaction mode accepts LISTEN, and then nothing ever arrives."""

    def __init__(self) -> None:
        self.payload = f"self-test:{token_hex(8)}"
        self.overdue_at: float | None = None
        self._was_reported = False

    def begin(self) -> None:
        self.overdue_at = monotonic() + SELF_TEST_S

    def succeed(self) -> None:
        self.overdue_at = None

    def report_if_overdue(self) -> None:
        if self.overdue_at is None or monotonic() < self.overdue_at:
            return
        self.overdue_at = None
        if not self._was_reported:
            self._was_reported = True
            log.warning(
                "PostgreSQL's notifications do not arrive, as behind PgBouncer in transaction mode: workers look for"
                " work 20 times a second. Set DATABASE_LISTEN_URL to a direct connection to PostgreSQL."
            )


def _execute(connection: pq.abc.PGconn, statements: str) -> None:
    result = connection.exec_(statements.encode())
    if result.status != pq.ExecStatus.COMMAND_OK:
        raise error_from_result(result)
