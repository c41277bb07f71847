"""The fence of the event table reads the newest position only, from the index: whatever the table holds.

`NOT EXISTS (... WHERE position > after)` is planned for an early hit, and reads the whole table when there is none.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations

LOCK = 0x45565348  # as in 0002

POSTGRES = f"""
CREATE OR REPLACE FUNCTION tail_horizon(after bigint) RETURNS bigint LANGUAGE plpgsql
    SET lock_timeout = '100ms' AS $$
DECLARE
    newest bigint;
BEGIN
    SELECT max(position) INTO newest FROM event;
    IF newest IS NULL OR newest <= after THEN
        RETURN after;  -- idle readers take no lock
    END IF;
    PERFORM pg_advisory_xact_lock({LOCK});
    -- A volatile function sees what was committed before each of its statements: after the lock, every writer that
    -- held a position is either visible or gone.
    SELECT max(position) INTO newest FROM event;
    RETURN newest;
END $$;
"""


def replace(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRES, params=None)


class Migration(migrations.Migration):
    dependencies = [("store", "0002_append_only")]

    operations = [migrations.RunPython(replace, migrations.RunPython.noop, elidable=False)]
