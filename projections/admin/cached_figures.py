"""Figures of the console that are cached: those of rows until a checkpoint moves, those of health for seconds."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cached_property
from typing import Final, TypeVar

from django.http import QueryDict
from django.utils import timezone

from eventshop.operations.row_state import digest, read_row_state
from eventshop.runtime.counted_cache import get_or_compute

T = TypeVar("T")

#: Of whose rows the dashboard is made.
DASHBOARD: Final = ("activity-timeline", "daily-sales", "order-summary")
#: How long figures of rows are kept that nobody asks for.
KEPT_S: Final = 3600


class Figures:
    """Figures made of the rows of some projections, for one page. They must not have personal values: they are cached.

    The state of the rows is read once, for all figures of the page.
    """

    def __init__(self, projections: Collection[str] = DASHBOARD) -> None:
        self._projections = projections

    @cached_property
    def _state(self) -> str:
        return read_row_state(self._projections)

    def read(self, name: str, compute: Callable[[], T], asked: QueryDict | None = None) -> T:
        """The figures of this name for what was asked, as of the checkpoints and of today."""
        key = digest(name, self._state, timezone.localdate(), timezone.get_current_timezone_name(), asked)
        return get_or_compute("figures", key, compute, KEPT_S)
