"""Signals within one process: look now. Nothing depends on them; without one it is looked a moment later."""

from __future__ import annotations

from threading import Event as Signal
from typing import Final

#: Something waits to be heard.
inbox: Final = Signal()
#: Something waits to be done outside.
effects: Final = Signal()
