"""Runs worker threads in a management command until it is told to stop."""

from __future__ import annotations

import signal
from collections.abc import Iterable

from eventshop.runtime.log_lines import log_uncaught_errors
from eventshop.runtime.supervised_threads import ThreadTarget
from eventshop.runtime.thread_group import ThreadGroup


def run_threads(targets: Iterable[ThreadTarget]) -> None:
    """Run named functions in supervised threads until SIGINT or SIGTERM; each returns soon after its signal is set."""
    log_uncaught_errors()
    group = ThreadGroup(targets)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, group.request_stop)
    group.start()
    group.join(None)
