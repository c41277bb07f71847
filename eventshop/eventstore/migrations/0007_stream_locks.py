"""Appends take the lock of their stream in shared mode, so that a writer that holds it exclusively cannot lose.

`event_follows` is the first statement of every append, before the lock of the tail reader's fence is taken: with the
locks in this order, no writer holds the fence's lock while it waits for a stream.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations

NAMESPACE = 0x45565354  # as in stream_locks.py
LAST_LOCK = 4_095

POSTGRES = f"""
CREATE OR REPLACE FUNCTION event_follows(of_aggregate uuid, of_version int, previous bytea) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF of_version > 1 THEN
        PERFORM pg_advisory_xact_lock_shared(
            {NAMESPACE},
            (get_byte(uuid_send(of_aggregate), 14) << 8 | get_byte(uuid_send(of_aggregate), 15)) & {LAST_LOCK}
        );
        IF NOT EXISTS (
            SELECT FROM event WHERE aggregate_id = of_aggregate AND version = of_version - 1 AND hash = previous
        ) THEN
            RAISE EXCEPTION 'event_follows: % does not end with the event it was decided on', of_aggregate
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'event_follows';
        END IF;
    END IF;
END $$;
"""


def replace(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRES, params=None)


class Migration(migrations.Migration):
    dependencies = [("store", "0006_snapshot_version")]

    operations = [migrations.RunPython(replace, migrations.RunPython.noop, elidable=False)]
