"""The base class of read models, with the lineage columns of every row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from django.db import models


class ReadModel(models.Model):
    """A row that only the projection engine writes.

    The primary key is the row key. Where a key has several parts (a day and a currency), `identity` names their
    columns, and the primary key is their text joined by a colon. `personal` names the columns with personal data, and
    for which purpose it is kept; they become empty texts when it is erased. `free_text` does the same for texts in
    anybody's own words, which whoever may see the row can read. Neither is published. `subjects` names the columns that
    may hold the person's id, or that of the stream.
    `internal` names the columns that only the projection reads: they are neither published nor shown.
    `deleted_when_erased`: the row goes, because its key comes from a personal value, which can no longer be read then.
    """

    identity: ClassVar[tuple[str, ...]] = ()
    personal: ClassVar[Mapping[str, str]] = {}
    free_text: ClassVar[Mapping[str, str]] = {}
    subjects: ClassVar[tuple[str, ...]] = ()
    internal: ClassVar[tuple[str, ...]] = ()
    deleted_when_erased: ClassVar[bool] = False

    last_event_id = models.UUIDField(help_text="The newest event folded into this row.")
    last_version = models.IntegerField(help_text="That event's version in its stream.")
    last_partition = models.IntegerField(help_text="The log partition it came from.")
    last_offset = models.BigIntegerField(help_text="Its offset there; in the database log, its position.")

    class Meta:
        abstract = True

    @classmethod
    def erasable(cls) -> dict[str, str]:
        """All columns that an erasure empties, and the purpose of each."""
        return {**cls.personal, **cls.free_text}
