"""The name under which a process leases rows and reports that it is alive."""

from __future__ import annotations

import os
import socket
from functools import cache
from secrets import token_hex


@cache
def process_name() -> str:
    """Host name, process id and a random part. An operator finds the process by it, and no two processes share it.

    Host name and process id alone can be equal in two containers. The name is fixed for the life of the process.
    """
    return f"{socket.gethostname()}:{os.getpid()}:{token_hex(4)}"


def _rename_after_fork() -> None:
    process_name.cache_clear()
    process_name()


# Made before any thread can ask for it: two threads that fill the cache at the same time would get two names.
process_name()
os.register_at_fork(after_in_child=_rename_after_fork)
