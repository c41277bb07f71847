"""Checkpoints: how far a projection has come in each partition. They are read, leased, and advanced compare-and-set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import chain
from typing import Final, NamedTuple, TypeAlias

from django.db import connection
from django.db.models.functions import Now

from eventshop.core.errors import CheckpointMoved
from eventshop.eventstore.unit_of_work import relax_commit
from eventshop.messaging.event_log import LogOffset
from eventshop.projections.models import Checkpoint, KeptRows, Worker
from eventshop.runtime import leases
from eventshop.runtime.heartbeats import record_heartbeat

#: How long the leases of a dead worker stay valid.
LEASE: Final = timedelta(seconds=15)

_ADVANCE: Final = f"""
UPDATE {Checkpoint._meta.db_table} AS checkpoint
SET position = move.column2, sequence = move.column3, store_position = move.column4,
    events = checkpoint.events + move.column5, parked = checkpoint.parked + move.column6,
    advanced_at = {{now}}, polled_at = {{now}}
FROM (VALUES {{values}}) AS move
WHERE checkpoint.id = move.column1
"""

#: What a batch needs to know of a checkpoint that it locks, in the order of the model's fields, which `from_db` needs.
#: Django loads the others when they are asked for.
_COLUMNS: Final = (
    *("id", "projection", "partition", "position", "sequence", "store_position"),
    *("version", "parked", "events"),
)

#: One statement for all projections that an event does not concern. A row that somebody else has locked, or moved, is
#: left as it is.
_ADVANCE_UNMOVED: Final = f"""
WITH free AS (SELECT id FROM {Checkpoint._meta.db_table} WHERE id IN ({{ids}}) {{skip_locked}})
{_ADVANCE.strip()} AND checkpoint.id IN (SELECT id FROM free) AND checkpoint.position = move.column7
    AND checkpoint.sequence = move.column8 AND checkpoint.version = move.column9
RETURNING id
"""

#: One projection's checkpoints by partition, as a worker knows them.
CheckpointsByPartition: TypeAlias = dict[int, Checkpoint]


class CheckpointMove(NamedTuple):
    """The new offset of one partition, with the events and the dead letters that are added."""

    offset: LogOffset
    events: int
    dead_letters: int


def open_checkpoints(name: str, partitions: Iterable[int], version: int) -> CheckpointsByPartition:
    """The checkpoints as they are now; a missing one is created before the first event."""
    rows = {row.partition: row for row in Checkpoint.objects.filter(projection=name)}
    missing = [number for number in partitions if number not in rows]
    if missing:
        # Another worker that creates one at the same time creates the same one.
        Checkpoint.objects.bulk_create(
            [Checkpoint(projection=name, partition=number, version=version) for number in missing],
            ignore_conflicts=True,
        )
        rows = {row.partition: row for row in Checkpoint.objects.filter(projection=name)}
    return rows


def offsets_of(rows: Mapping[int, Checkpoint]) -> dict[int, LogOffset]:
    return {number: offset_of(row) for number, row in rows.items()}


def offset_of(row: Checkpoint) -> LogOffset:
    return LogOffset(row.position, row.sequence, row.store_position)


def move_to(row: Checkpoint, offset: LogOffset) -> None:
    """Set the offset of a row in memory."""
    row.position, row.sequence, row.store_position = offset


def is_behind(row: Checkpoint, other: Checkpoint) -> bool:
    """Whether `other` has processed events that `row` has not."""
    reached, goal = offset_of(row).progress_to(offset_of(other))
    return reached < goal


def reset_offsets() -> None:
    """Read a recreated topic from its beginning; the sequence numbers tell which events were folded before."""
    Checkpoint.objects.update(position=0)
    KeptRows.end_all()  # their offsets are of the former topic


def lock_checkpoints(cached: Mapping[int, Checkpoint]) -> CheckpointsByPartition:
    """The rows as they are now, locked for this transaction. Plain SQL: every batch waits for it."""
    ids = [row.pk for row in cached.values()]
    with connection.cursor() as cursor:
        cursor.execute(_lock_sql(connection.vendor, len(ids)), [ids] if connection.vendor == "postgresql" else ids)
        rows = [Checkpoint.from_db(connection.alias, _COLUMNS, values) for values in cursor.fetchall()]
    return {row.partition: row for row in rows}


def _lock_sql(vendor: str, count: int) -> str:
    select = f"SELECT {', '.join(_COLUMNS)} FROM {Checkpoint._meta.db_table} WHERE id"
    if vendor == "postgresql":
        return f"{select} = ANY(%s) ORDER BY partition FOR UPDATE"
    return f"{select} IN ({', '.join(['%s'] * count)}) ORDER BY partition"  # a transaction locks the whole database


def lock_and_verify(cached: Mapping[int, Checkpoint]) -> CheckpointsByPartition:
    """The rows, locked for this transaction; raises `CheckpointMoved` if one is not as this worker knows it."""
    rows = lock_checkpoints(cached)
    for number, checkpoint in cached.items():
        row = rows.get(number)
        # Events that fill a hole of the log share an offset: their numbers tell them apart.
        if row is None or _place(row) != _place(checkpoint):
            raise CheckpointMoved(
                projection=checkpoint.projection,
                partition=number,
                expected=checkpoint.position,
                found=row.position if row else "no checkpoint",
            )
    return rows


def _place(row: Checkpoint) -> tuple[int, int, int]:
    return row.position, row.sequence, row.version


def advance(rows: Mapping[int, Checkpoint], moves: Mapping[int, CheckpointMove]) -> None:
    """Advance locked checkpoints, all in one statement, in the transaction that wrote the rows."""
    values = [(rows[number].pk, *move.offset, move.events, move.dead_letters) for number, move in moves.items()]
    with connection.cursor() as cursor:
        cursor.execute(_ADVANCE.format(values=_rows_of(values), now=_now_sql()), [*chain.from_iterable(values)])


def advance_unmoved(moves: Iterable[tuple[Checkpoint, CheckpointMove]]) -> set[int]:
    """Advance checkpoints, of any projections, that are as they are known and not locked; returns those rows' ids.

    For events that change no row: nothing else belongs to the transaction, and none has to wait for another.
    """
    values = [(row.pk, *move.offset, move.events, move.dead_letters, *_place(row)) for row, move in moves]
    if not values:
        return set()
    ids = [row[0] for row in values]
    sql = _ADVANCE_UNMOVED.format(
        ids=", ".join(["%s"] * len(ids)),
        skip_locked="FOR UPDATE SKIP LOCKED" if connection.features.has_select_for_update_skip_locked else "",
        values=_rows_of(values),
        now=_now_sql(),
    )
    with relax_commit(), connection.cursor() as cursor:
        cursor.execute(sql, [*ids, *chain.from_iterable(values)])
        return {found for (found,) in cursor.fetchall()}


def _rows_of(values: Sequence[Sequence[int]]) -> str:
    """The placeholders of VALUES."""
    return ", ".join([f"({', '.join(['%s'] * len(values[0]))})"] * len(values))


def _now_sql() -> str:
    return str(Checkpoint.objects.all().query.get_compiler(connection=connection).compile(Now())[0])


def acquire_leases(rows: Iterable[Checkpoint], owner: str, *, limit: int | None = None) -> set[int]:
    """Acquire or renew leases on at most `limit` partitions and release the rest; returns the leased partitions.

    Leases only save workers from undoing each other's batches: compare-and-set keeps the rows right.
    """
    cached = sorted(rows, key=lambda row: row.partition)
    active = Checkpoint.objects.filter(pk__in=[row.pk for row in cached], paused=False).order_by("partition")
    leased = leases.acquire_share(active, owner, LEASE, share=limit, known=cached, polled_at=Now())
    return {row.partition for row in leased}


def register_worker(owner: str, projections: Sequence[str]) -> dict[str, int]:
    """Record that this worker is alive; returns how many workers run each of its projections, itself included."""
    started = {"started_at": Now()}
    live = record_heartbeat(Worker.objects.all(), owner, LEASE, on_create=started, projections=",".join(projections))
    names_by_worker = [names.split(",") for names in live.values_list("projections", flat=True)]
    return {name: sum(name in names for names in names_by_worker) for name in projections}


def release_leases(owner: str) -> None:
    """Release all leases of a worker, so that others need not wait until they expire."""
    leases.release_leases(Checkpoint.objects.all(), owner)
    Worker.objects.filter(owner=owner).delete()


def set_paused(name: str, *, paused: bool) -> bool:
    """Pause a projection in all partitions, or resume it; False when it was so already, or has never run.

    Its workers see it when they renew their leases, within seconds. Events wait meanwhile; a rebuild goes on.
    """
    return bool(Checkpoint.objects.filter(projection=name).exclude(paused=paused).update(paused=paused))
