"""A process that sends commands to one product from several threads, for tests of contention.

`python -m tests.support.contending_writer SKU THREADS COMMANDS`; prints one line for each command that was refused.
"""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from tests.support.waiting import DEADLINE_S


def receive_stock(sku: str, *, threads: int, commands: int) -> list[str]:
    """Send `commands` commands from each thread to one product, all at once; return the errors."""
    from django.db import connections

    from eventshop.eventstore.command_dispatcher import send
    from orders.domain.commands import ReceiveStock

    start = threading.Barrier(threads)

    def write(thread: int) -> list[str]:
        refused: list[str] = []
        start.wait(DEADLINE_S)
        for number in range(commands):
            try:
                send(ReceiveStock(sku, 1, f"delivery {thread}-{number}"))
            except Exception as error:
                refused.append(f"{type(error).__name__}: {error}")
        connections.close_all()
        return refused

    with ThreadPoolExecutor(threads) as pool:
        return [error for refused in pool.map(write, range(threads)) for error in refused]


if __name__ == "__main__":
    import django

    django.setup()
    errors = receive_stock(sys.argv[1], threads=int(sys.argv[2]), commands=int(sys.argv[3]))
    sys.stdout.writelines(f"{error}\n" for error in errors)
