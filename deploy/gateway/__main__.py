"""Run the gateway until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from threading import Thread

from deploy.gateway.ledger import Ledger
from deploy.gateway.webhook_sender import WebhookSender
from deploy.gateway.server import HOST, Gateway

CRASH_POINTS = ("received", "recorded", "answered", "noticing", "noticed")


def main() -> int:
    """Return the status to exit with."""
    options = argument_parser().parse_args()
    secret = os.environ.get("PAYMENT_GATEWAY_SECRET", "")
    if not secret:
        print("PAYMENT_GATEWAY_SECRET is not set; it must be the shop's", file=sys.stderr)
        return 2
    options.file.parent.mkdir(parents=True, exist_ok=True)

    def crash(point: str) -> None:
        if point == options.crash_at:
            os.kill(os.getpid(), signal.SIGKILL)

    ledger = Ledger(options.file, pending_s=options.later)
    teller = WebhookSender(ledger, url=options.webhook, secret=secret, crash=crash)
    try:
        gateway = Gateway(
            options.port,
            ledger,
            secret=secret,
            slow_s=options.slow,
            never_s=options.never,
            wake=teller.wake,
            crash=crash,
        )
    except OSError as error:
        print(f"cannot listen on {HOST}:{options.port}: {error.strerror}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: Thread(target=gateway.shutdown).start())
    teller.start()
    print(f"payment gateway on http://{HOST}:{gateway.server_port}/", flush=True)
    try:
        gateway.serve_forever(poll_interval=0.1)
    except KeyboardInterrupt:
        pass
    finally:
        gateway.server_close()
        teller.stop()
        ledger.close()
    return 0


def argument_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.gateway", description="A payment gateway for this machine.")
    parser.add_argument("--port", type=int, default=8100, help="0 takes a free one")
    parser.add_argument("--file", type=Path, default=Path("var/gateway.sqlite3"), help="where everything is kept")
    parser.add_argument("--webhook", default="", help="the shop's address for notices; without it, none are sent")
    parser.add_argument("--later", type=float, default=5.0, help="seconds until what is pending ends")
    parser.add_argument("--slow", type=float, default=3.0, help="seconds that a slow answer takes")
    parser.add_argument("--never", type=float, default=30.0, help="seconds until an answer that never comes hangs up")
    parser.add_argument("--crash-at", choices=CRASH_POINTS, help="for tests: kill itself with SIGKILL there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
