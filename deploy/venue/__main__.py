"""Run the venue until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from deploy.gateway.serving import serve_until_stopped
from deploy.gateway.webhook_sender import WebhookSender
from deploy.venue.order_book import OrderBook
from deploy.venue.server import HOST, VenueServer


def main() -> int:
    """Run the venue; return the exit status."""
    options = argument_parser().parse_args()
    secret = os.environ.get("VENUE_SECRET", "")
    if not secret:
        print("VENUE_SECRET is not set; set it to the same value as for EventShop", file=sys.stderr)
        return 2
    options.file.parent.mkdir(parents=True, exist_ok=True)
    book = OrderBook(options.file, later_s=options.later)
    sender = WebhookSender(book, url=options.webhook, secret=secret, crash=lambda point: None)
    try:
        venue = VenueServer(options.port, book, secret=secret, wake=sender.wake)
    except OSError as error:
        print(f"cannot listen on {HOST}:{options.port}: {error.strerror}", file=sys.stderr)
        return 1
    serve_until_stopped("venue", venue, sender, book)
    return 0


def argument_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.venue", description="A simulated venue.")
    parser.add_argument("--port", type=int, default=8200, help="port to listen on; 0 takes a free one")
    parser.add_argument("--file", type=Path, default=Path("var/venue.sqlite3"), help="SQLite file that holds the state")
    parser.add_argument("--webhook", default="", help="URL for reports; without it, none are sent")
    parser.add_argument("--later", type=float, default=3.0, help="seconds until what happens later")
    return parser


if __name__ == "__main__":
    sys.exit(main())
