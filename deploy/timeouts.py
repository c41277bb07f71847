"""How long the launchers wait for servers to start and processes to end.

A process that has ended is noticed at once. These limits apply only to one that runs and does not become ready: they
are far beyond what a busy machine needs.
"""

from __future__ import annotations

import os
from typing import Final

#: Seconds without a sign of life after which a server that is not ready counts as failed.
START_TIMEOUT_S: Final = float(os.environ.get("START_TIMEOUT_S") or 600)
#: Seconds that a process may take to end after SIGKILL.
KILL_TIMEOUT_S: Final = 120.0
