"""A stream as something to list and open: its first event, seen as the whole."""

from __future__ import annotations

from eventshop.store.models import StoredEvent


class Stream(StoredEvent):
    """The events of one aggregate."""

    class Meta:
        proxy = True
        verbose_name = "stream"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.aggregate_type} {self.aggregate_id}"
