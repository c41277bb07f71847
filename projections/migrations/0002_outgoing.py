"""The outbox of changed rows, and its fence: the same idea as the event table's (store/migrations/0002)."""

from __future__ import annotations

from typing import Any

import django.db.models.functions.datetime
from django.db import migrations, models

#: Any number but the store's: the advisory lock of the outbox ("EVSO").
LOCK = 0x4556534F

POSTGRES = f"""
CREATE FUNCTION outgoing_in_flight() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Before the statement draws its positions: the publisher's exclusive lock then waits for this transaction.
    PERFORM pg_advisory_xact_lock_shared({LOCK});
    RETURN NULL;
END $$;
CREATE TRIGGER outgoing_in_flight BEFORE INSERT ON projections_outgoing
    FOR EACH STATEMENT EXECUTE FUNCTION outgoing_in_flight();

CREATE FUNCTION outgoing_horizon(after bigint) RETURNS bigint LANGUAGE plpgsql SET lock_timeout = '100ms' AS $$
DECLARE
    newest bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM projections_outgoing WHERE position > after) THEN
        RETURN after;  -- an idle publisher takes no lock
    END IF;
    PERFORM pg_advisory_xact_lock({LOCK});
    -- A volatile function sees what was committed before each of its statements: after the lock, every writer that
    -- held a position is either visible or gone.
    SELECT max(position) INTO newest FROM projections_outgoing;
    RETURN newest;
END $$;

-- Every row is soon deleted: what is dead is measured in rows, not as a share of a table that is mostly empty.
ALTER TABLE projections_outgoing SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50000);
"""  # noqa: S608


def add(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRES, params=None)


class Migration(migrations.Migration):
    dependencies = [("projections", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Outgoing",
            fields=[
                ("position", models.BigAutoField(primary_key=True, serialize=False)),
                ("topic", models.CharField(help_text="Without KAFKA_TOPIC_PREFIX.", max_length=249)),
                ("key", models.TextField()),
                ("value", models.BinaryField(help_text="Empty: the row was removed.", null=True)),
                (
                    "headers",
                    models.TextField(db_default="", help_text="Names and values as JSON, the values in Latin-1."),
                ),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={"default_permissions": ("view",)},
        ),
        migrations.RunPython(add, migrations.RunPython.noop, elidable=False),
    ]
