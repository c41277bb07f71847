"""The payment gateway of `deploy/gateway` as a process, which tests start, kill and restart."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from pytest_django import Settings

from orders.payment_gateway import factory
from orders.payment_gateway.client import HttpGateway
from tests.support.processes import ROOT
from tests.support.waiting import DEADLINE_S, wait_for_exit, wait_until

SECRET: Final = "whsec_" + "b25seS1mb3ItdGVzdHMtMDEyMzQ1Njc4OQ=="


class GatewayProcess:
    """A gateway process. Its port stays the same over restarts; `options` are those of `python -m deploy.gateway`."""

    module, secret_name = "deploy.gateway", "PAYMENT_GATEWAY_SECRET"

    def __init__(self, folder: Path, *options: str) -> None:
        self._file, self._log = folder / "gateway.sqlite3", folder / "gateway.log"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, *more: str) -> None:
        """Start the process, with additional options, and wait until it responds."""
        self._launch(*more)
        wait_until(self._is_up, seen=self._log)

    def start_to_crash(self, point: str) -> None:
        """Start the process with a crash point, which may be reached before the process has responded once."""
        self._launch("--crash-at", point)
        wait_until(lambda: not self.is_running or self._responds(), seen=self._log)

    def _launch(self, *more: str) -> None:
        with self._log.open("wb") as out:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", self.module, "--port", str(self.port), "--file", str(self._file)),
                    *(*self._options, *more),
                ],
                cwd=ROOT,
                env={**os.environ, self.secret_name: SECRET},
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def kill(self) -> None:
        """SIGKILL."""
        self._signal_and_wait(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; gives the exit status."""
        return self._signal_and_wait(signal.SIGTERM)

    def end_pending_payments(self) -> None:
        """Make the pending payments due now. For tests in which `--later` is longer than any test."""
        with closing(sqlite3.connect(self._file, timeout=DEADLINE_S)) as ledger, ledger:
            ledger.execute("UPDATE payment SET due_at = 0 WHERE status = 'pending'")

    def freeze(self) -> None:
        self._send(signal.SIGSTOP)

    def unfreeze(self) -> None:
        self._send(signal.SIGCONT)

    def _signal_and_wait(self, signal_number: signal.Signals) -> int:
        self._send(signal_number)
        assert self._process is not None
        return wait_for_exit(self._process, log=self._log)

    def _send(self, signal_number: signal.Signals) -> None:
        assert self._process is not None
        if self.is_running:
            self._process.send_signal(signal_number)

    def _is_up(self) -> bool:
        assert self.is_running, self._log.read_text()
        return self._responds()

    def _responds(self) -> bool:
        match = re.search(r"http://127\.0\.0\.1:(\d+)/", self._log.read_text())
        if not match:
            return False
        self.port = int(match[1])
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=DEADLINE_S) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


@contextmanager
def running_gateway(folder: Path, *options: str) -> Iterator[GatewayProcess]:
    """Run a gateway process for the duration of the block."""
    gateway = GatewayProcess(folder, *options)
    gateway.start()
    try:
        yield gateway
    finally:
        stop_gateway(gateway)


def stop_gateway(gateway: GatewayProcess) -> None:
    """End the process, whatever state it is in."""
    if gateway.is_running:
        gateway.unfreeze()
        gateway.kill()


@contextmanager
def take_payments_at(process: GatewayProcess, settings: Settings, *, timeout_s: float = DEADLINE_S) -> Iterator[None]:
    """Configure this Python process to take its payments at a gateway for the duration of the block."""
    settings.PAYMENT_GATEWAY_SECRET, settings.PAYMENT_GATEWAY_URL = SECRET, process.url
    settings.PAYMENT_GATEWAY_TIMEOUT_S, settings.PAYMENT_GATEWAY_PAGE_ORIGIN = timeout_s, process.url
    policy = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"] | {"form-action": ["'self'", process.url]}
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": policy}
    yield
    # A thread that still asks it would connect again after the client was closed, and nobody would close that.
    stop_gateway(process)
    # The factory keeps one client for each URL. Another gateway may get the same port: it must not meet this client.
    client = factory._build_gateway(process.url, SECRET).gateway
    assert isinstance(client, HttpGateway)
    client.close()
    factory._build_gateway.forget()
