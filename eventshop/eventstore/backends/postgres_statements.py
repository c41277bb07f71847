"""The statements of the PostgreSQL backend, with $1, $2 … for prepared statements through libpq, else %s or %b."""

from __future__ import annotations

from typing import Final

from eventshop.eventstore.records import EVENT_COLUMNS, RECEIPT_COLUMNS, SNAPSHOT_PREFIX

_SNAPSHOT_COLUMNS: Final = f"""
version, '{SNAPSHOT_PREFIX}' || fingerprint, state, hash, aggregate_type, 0,
(SELECT recorded_at FROM event WHERE event.aggregate_id = snapshot.aggregate_id AND event.version = snapshot.version)
"""
#: The history and an existing receipt in one result; a receipt is a row with version -1. A snapshot replaces the
#: events up to its version.
HISTORY: Final = f"""
SELECT version, event_type, payload, hash, aggregate_type, schema_version, recorded_at FROM event
WHERE aggregate_id = $1::uuid
AND version > COALESCE((SELECT version FROM snapshot WHERE aggregate_id = $1::uuid), 0)
UNION ALL
SELECT {_SNAPSHOT_COLUMNS} FROM snapshot WHERE aggregate_id = $1::uuid
UNION ALL
SELECT -1, '', '', ''::bytea, '', 0, NULL FROM receipt WHERE command_id = $2::uuid
"""

WHOLE_HISTORIES: Final = """
SELECT aggregate_id, version, event_type, payload, hash, aggregate_type, schema_version, recorded_at FROM event
WHERE aggregate_id = ANY(%s) ORDER BY aggregate_id, version
"""
HISTORIES: Final = f"""
SELECT e.aggregate_id, e.version, e.event_type, e.payload, e.hash, e.aggregate_type, e.schema_version, e.recorded_at
FROM event AS e LEFT JOIN snapshot AS s ON s.aggregate_id = e.aggregate_id
WHERE e.aggregate_id = ANY(%s) AND e.version > COALESCE(s.version, 0)
UNION ALL
SELECT aggregate_id, {_SNAPSHOT_COLUMNS} FROM snapshot WHERE aggregate_id = ANY(%s)
ORDER BY 1, 2
"""

#: One event and the receipt of its command. Most commands have one event; arrays would double the processor time.
APPEND_ONE: Final = """
SELECT append_event(
    $1::uuid, $2::text, $3::int, $4::text, $5::bytea, $6::uuid, $7::text, $8::int, $9::timestamptz, $10::timestamptz,
    $11::uuid, $12::uuid, $13::uuid, $14::int, $15::uuid, $16::text, $17::text, $18::text, $19::bytea, $20::bytea
)
"""
APPEND: Final = """
SELECT append_events(
    %b::uuid[], %b::text[], %b::int[], %b::text[], %b::bytea[], %b::uuid, %b::text, %b::int, %b::timestamptz,
    %b::timestamptz, %b::uuid, %b::uuid, %b::uuid, %b::int, %b::uuid, %b::text, %b::text, %b::text, %b::bytea, %b::bytea
)
"""

APPEND_MANY: Final = f"""
INSERT INTO event ({", ".join(EVENT_COLUMNS)}) SELECT * FROM unnest(
    %b::uuid[], %b::uuid[], %b::text[], %b::text[], %b::int[], %b::int[], %b::timestamptz[], %b::timestamptz[],
    %b::uuid[], %b::uuid[], %b::uuid[], %b::int[], %b::uuid[], %b::text[], %b::text[], %b::text[], %b::bytea[]
)
RETURNING position
"""
RECEIVE_MANY: Final = f"""
INSERT INTO receipt ({", ".join(RECEIPT_COLUMNS)}) SELECT * FROM unnest(
    %b::uuid[], %b::text[], %b::bytea[], %b::uuid[], %b::text[], %b::int[], %b::int[], %b::bigint[], %b::text[],
    %b::timestamptz[]
)
RETURNING 1
"""


#: Writers hold the advisory lock of a fence in shared mode, a reader exclusively for a moment.
#: Only members of pg_monitor see the activity of other users. A prepared transaction has no process.
OPEN_APPENDS: Final = """
SELECT * FROM (
    SELECT l.pid, COALESCE(a.application_name, ''), COALESCE(host(a.client_addr), 'local'),
        COALESCE(a.state, 'in an unknown state'),
        EXTRACT(EPOCH FROM clock_timestamp() - a.xact_start)::float8 AS open_s,
        EXTRACT(EPOCH FROM clock_timestamp() - a.query_start)::float8
    FROM pg_locks AS l
    JOIN pg_database AS d ON d.oid = l.database AND d.datname = current_database()
    LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.classid = 0 AND l.objid = %b::bigint::oid AND l.objsubid = 1
        AND l.mode = 'ShareLock' AND l.granted
) AS holders WHERE open_s IS NULL OR open_s >= %b::float8 ORDER BY open_s DESC NULLS FIRST
"""

#: The same text as `chain.canonical_text`, computed in the database.
_CANONICAL_TEXT_SQL: Final = "convert_to(concat({}), 'UTF8')".format(
    ", E'\\n', ".join(
        f"to_char({name} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"+00:00\"')"
        if name.endswith("_at")
        else name
        for name in EVENT_COLUMNS[:-1]
    )
)
LINKS: Final = f"""
SELECT aggregate_id, version, hash, {_CANONICAL_TEXT_SQL}, position, event_id, aggregate_type, event_type FROM event
WHERE (aggregate_id, version) > (%b::uuid, %b::int) AND aggregate_id <= %b::uuid
ORDER BY aggregate_id, version LIMIT %b::int
"""
