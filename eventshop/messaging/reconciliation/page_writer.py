"""Writes the pages of a restore to the event table while the next one is read and checked."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

from django.db import connections

from eventshop.eventstore import import_events
from eventshop.eventstore.command_receipts import ReceiptRow
from eventshop.eventstore.records import EventRow


class PageWriter:
    """Writes pages in a thread of its own, one after the other."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "page-writer")
        self._page: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error_type: type[BaseException] | None, *_: object) -> None:
        """Wait for the last page. Raises its error unless another one is on its way."""
        if self._page:
            self._thread.submit(connections.close_all)
        self._thread.shutdown()
        if self._page and error_type is None:
            self._page.result()

    def write(self, rows: Sequence[EventRow], receipts: Sequence[ReceiptRow]) -> None:
        """Begin to write a page when the one before it is written; raises the error of that one."""
        if self._page:
            self._page.result()
        self._page = self._thread.submit(import_events.insert_events, rows, receipts)
