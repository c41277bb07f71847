"""Runs a simulated outside service, the payment gateway or the venue, until it is stopped."""

from __future__ import annotations

import signal
from http.server import ThreadingHTTPServer
from threading import Thread
from typing import Protocol

from deploy.gateway.webhook_sender import WebhookSender


class _Store(Protocol):
    def close(self) -> None: ...


def serve_until_stopped(name: str, server: ThreadingHTTPServer, sender: WebhookSender, store: _Store) -> None:
    """Answer requests and send webhooks until SIGTERM or Ctrl-C; then close server, sender and store, in this order."""
    signal.signal(signal.SIGTERM, lambda *_: Thread(target=server.shutdown).start())
    sender.start()
    print(f"{name} on http://{server.server_address[0]!s}:{server.server_port}/", flush=True)
    try:
        server.serve_forever(poll_interval=0.1)
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
        sender.stop()
        store.close()
