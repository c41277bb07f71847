"""The base class of read models, with the lineage columns of every row."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class ReadModel(models.Model):
    """A row that only the projection engine writes.

    The primary key is the row key. Where a key has several parts (a day and a currency), `identity` names their
    columns, and the primary key is their text joined by a colon. `personal` names the columns with personal data, which
    become empty texts when it is erased, and `subjects` the columns that may hold the person's id.
    `deleted_when_erased`: the row goes, because its key comes from a personal value, which can no longer be read then.
    """

    identity: ClassVar[tuple[str, ...]] = ()
    personal: ClassVar[tuple[str, ...]] = ()
    subjects: ClassVar[tuple[str, ...]] = ()
    deleted_when_erased: ClassVar[bool] = False

    last_event_id = models.UUIDField(help_text="The newest event folded into this row.")
    last_version = models.IntegerField(help_text="That event's version in its stream.")
    last_partition = models.IntegerField(help_text="The log partition it came from.")
    last_offset = models.BigIntegerField(help_text="Its offset there; in the database log, its position.")

    class Meta:
        abstract = True
