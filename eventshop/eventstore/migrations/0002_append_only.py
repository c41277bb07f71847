"""The rules the database itself keeps: append-only, no gaps, writers under the fence's shared lock."""

from __future__ import annotations

from typing import Any

from django.db import migrations

#: Any number, the same in every writer and reader: the advisory lock of the store ("EVSH").
LOCK = 0x45565348

POSTGRES = f"""
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: rows are never changed or deleted', TG_ARGV[0]
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_ARGV[0];
END $$;
CREATE TRIGGER event_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('event_append_only');
CREATE TRIGGER receipt_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON receipt
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('event_append_only');

CREATE FUNCTION event_in_flight() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Before the statement draws its positions: the tail reader's exclusive lock then waits for this transaction.
    PERFORM pg_advisory_xact_lock_shared({LOCK});
    RETURN NULL;
END $$;
CREATE TRIGGER event_in_flight BEFORE INSERT ON event FOR EACH STATEMENT EXECUTE FUNCTION event_in_flight();

CREATE FUNCTION event_no_gap() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM event WHERE aggregate_id = NEW.aggregate_id AND version = NEW.version - 1
            AND aggregate_type = NEW.aggregate_type
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'event_no_gap: % % has no version %', NEW.aggregate_type, NEW.aggregate_id, NEW.version - 1
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'event_no_gap';
END $$;
CREATE TRIGGER event_no_gap BEFORE INSERT ON event FOR EACH ROW WHEN (NEW.version <> 1)
    EXECUTE FUNCTION event_no_gap();

CREATE FUNCTION event_follows(of_aggregate uuid, of_version int, previous bytea) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF of_version > 1 AND NOT EXISTS (
        SELECT FROM event WHERE aggregate_id = of_aggregate AND version = of_version - 1 AND hash = previous
    ) THEN
        RAISE EXCEPTION 'event_follows: % does not end with the event it was decided on', of_aggregate
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'event_follows';
    END IF;
END $$;

CREATE FUNCTION append_event(
    of_event uuid, of_event_type text, of_schema int, with_payload text, with_hash bytea,
    of_aggregate uuid, of_type text, of_version int, occurred timestamptz, recorded timestamptz,
    of_correlation uuid, of_causation uuid, of_saga uuid, of_sequence int, of_command uuid, by_actor text,
    context text, of_command_type text, command_hash bytea, follows bytea
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    new_position bigint;
BEGIN
    PERFORM event_follows(of_aggregate, of_version, follows);
    INSERT INTO event (
        event_id, aggregate_id, aggregate_type, event_type, version, schema_version, occurred_at, recorded_at,
        correlation_id, causation_id, saga_id, sequence_number, command_id, actor, metadata, payload, hash
    ) VALUES (
        of_event, of_aggregate, of_type, of_event_type, of_version, of_schema, occurred, recorded,
        of_correlation, of_causation, of_saga, of_sequence, of_command, by_actor, context, with_payload, with_hash
    ) RETURNING position INTO new_position;
    INSERT INTO receipt (
        command_id, command_type, payload_hash, aggregate_id, aggregate_type, version, events, position, actor,
        recorded_at
    ) VALUES (
        of_command, of_command_type, command_hash, of_aggregate, of_type, of_version, 1, new_position, by_actor,
        recorded
    );
    RETURN new_position;
END $$;

CREATE FUNCTION append_events(
    event_ids uuid[], event_types text[], schema_versions int[], payloads text[], hashes bytea[],
    of_aggregate uuid, of_type text, first_version int, occurred timestamptz, recorded timestamptz,
    of_correlation uuid, of_causation uuid, of_saga uuid, first_sequence int, of_command uuid, by_actor text,
    context text, of_command_type text, command_hash bytea, follows bytea
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    event_count int := cardinality(event_ids);
    last_position bigint;
BEGIN
    PERFORM event_follows(of_aggregate, first_version, follows);
    INSERT INTO event (
        event_id, aggregate_id, aggregate_type, event_type, version, schema_version, occurred_at, recorded_at,
        correlation_id, causation_id, saga_id, sequence_number, command_id, actor, metadata, payload, hash
    )
    SELECT event_ids[n], of_aggregate, of_type, event_types[n], first_version + n - 1, schema_versions[n], occurred,
        recorded, of_correlation, of_causation, of_saga, first_sequence + n - 1, of_command, by_actor, context,
        payloads[n], hashes[n]
    FROM generate_series(1, event_count) AS n;
    last_position := lastval();
    INSERT INTO receipt (
        command_id, command_type, payload_hash, aggregate_id, aggregate_type, version, events, position, actor,
        recorded_at
    ) VALUES (
        of_command, of_command_type, command_hash, of_aggregate, of_type, first_version + event_count - 1,
        event_count, last_position, by_actor, recorded
    );
    RETURN last_position;
END $$;

CREATE FUNCTION tail_horizon(after bigint) RETURNS bigint LANGUAGE plpgsql SET lock_timeout = '100ms' AS $$
DECLARE
    newest bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM event WHERE position > after) THEN
        RETURN after;  -- idle readers take no lock
    END IF;
    PERFORM pg_advisory_xact_lock({LOCK});
    -- A volatile function sees what was committed before each of its statements: after the lock, every writer that
    -- held a position is either visible or gone.
    SELECT max(position) INTO newest FROM event;
    RETURN newest;
END $$;
"""

SQLITE = [
    "CREATE TRIGGER event_no_update BEFORE UPDATE ON event "
    "BEGIN SELECT RAISE(ABORT, 'event_append_only: rows are never changed or deleted'); END",
    "CREATE TRIGGER event_no_delete BEFORE DELETE ON event "
    "BEGIN SELECT RAISE(ABORT, 'event_append_only: rows are never changed or deleted'); END",
    "CREATE TRIGGER receipt_no_update BEFORE UPDATE ON receipt "
    "BEGIN SELECT RAISE(ABORT, 'event_append_only: rows are never changed or deleted'); END",
    "CREATE TRIGGER receipt_no_delete BEFORE DELETE ON receipt "
    "BEGIN SELECT RAISE(ABORT, 'event_append_only: rows are never changed or deleted'); END",
    # INSERT OR REPLACE deletes without asking the delete trigger, so every clash is refused here already.
    "CREATE TRIGGER event_no_clash BEFORE INSERT ON event BEGIN "
    "SELECT RAISE(ABORT, 'event_version_once: this version exists') WHERE EXISTS "
    "(SELECT 1 FROM event WHERE aggregate_id = NEW.aggregate_id AND version = NEW.version); "
    "SELECT RAISE(ABORT, 'event_id_once: this event id exists') WHERE EXISTS "
    "(SELECT 1 FROM event WHERE event_id = NEW.event_id); "
    "SELECT RAISE(ABORT, 'event_append_only: this position exists') WHERE EXISTS "
    "(SELECT 1 FROM event WHERE position = NEW.position); "
    "SELECT RAISE(ABORT, 'event_no_gap: the version before it does not exist') WHERE NEW.version <> 1 AND NOT EXISTS "
    "(SELECT 1 FROM event WHERE aggregate_id = NEW.aggregate_id AND version = NEW.version - 1 "
    "AND aggregate_type = NEW.aggregate_type); END",
    "CREATE TRIGGER receipt_no_clash BEFORE INSERT ON receipt BEGIN "
    "SELECT RAISE(ABORT, 'UNIQUE constraint failed: receipt.command_id') WHERE EXISTS "
    "(SELECT 1 FROM receipt WHERE command_id = NEW.command_id); END",
]


def add(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRES, params=None)
        return
    for statement in SQLITE:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("store", "0001_initial")]

    operations = [migrations.RunPython(add, migrations.RunPython.noop, elidable=False)]
