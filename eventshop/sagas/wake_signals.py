"""Signals within one process that wake an idle thread. They only save time: without one, the thread polls later."""

from __future__ import annotations

from threading import Event as Signal
from typing import Final

#: An inbox message was written.
inbox: Final = Signal()
#: An effect is to be performed.
effects: Final = Signal()
