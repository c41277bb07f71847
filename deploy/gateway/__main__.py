"""Run the gateway until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from deploy.gateway.ledger import Ledger
from deploy.gateway.server import HOST, Gateway
from deploy.gateway.serving import serve_until_stopped
from deploy.gateway.webhook_sender import WebhookSender

CRASH_POINTS = ("received", "recorded", "answered", "sending", "sent")


def main() -> int:
    """Run the gateway; return the exit status."""
    options = argument_parser().parse_args()
    secret = os.environ.get("PAYMENT_GATEWAY_SECRET", "")
    if not secret:
        print("PAYMENT_GATEWAY_SECRET is not set; set it to the same value as for the shop", file=sys.stderr)
        return 2
    options.file.parent.mkdir(parents=True, exist_ok=True)

    def crash(point: str) -> None:
        if point == options.crash_at:
            os.kill(os.getpid(), signal.SIGKILL)

    ledger = Ledger(options.file, pending_s=options.later)
    sender = WebhookSender(ledger, url=options.webhook, secret=secret, crash=crash)
    try:
        gateway = Gateway(
            options.port,
            ledger,
            secret=secret,
            slow_s=options.slow,
            never_s=options.never,
            wake=sender.wake,
            crash=crash,
            shop_urls=[*options.shop, *filter(None, [options.webhook])],
            public_url=options.public_url,
        )
    except OSError as error:
        print(f"cannot listen on {HOST}:{options.port}: {error.strerror}", file=sys.stderr)
        return 1
    serve_until_stopped("payment gateway", gateway, sender, ledger)
    return 0


def argument_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.gateway", description="A local payment gateway.")
    parser.add_argument("--port", type=int, default=8100, help="port to listen on; 0 takes a free one")
    parser.add_argument(
        "--file", type=Path, default=Path("var/gateway.sqlite3"), help="SQLite file that holds the state"
    )
    parser.add_argument("--webhook", default="", help="webhook URL of the shop; without it, none are sent")
    parser.add_argument(
        "--shop",
        action="append",
        default=[],
        help="URL of the shop, to which the card page may return, besides that of --webhook; may be repeated",
    )
    parser.add_argument("--public-url", default="", help="URL at which customers reach the card page")
    parser.add_argument("--later", type=float, default=5.0, help="seconds until a pending payment ends")
    parser.add_argument("--slow", type=float, default=3.0, help="seconds that a slow response takes")
    parser.add_argument(
        "--never", type=float, default=30.0, help="seconds until a request without a response is closed"
    )
    parser.add_argument("--crash-at", choices=CRASH_POINTS, help="for tests: SIGKILL the process at this point")
    return parser


if __name__ == "__main__":
    sys.exit(main())
