"""The tables of the projection engine, which the app `projections` created under the same names until release 0.1.

A database that has them keeps them with all their rows; a new one gets them here. Content types and permissions
follow.
"""

from __future__ import annotations

from typing import Any

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models
from django.db.utils import DatabaseError

#: Any number but the event table's: the advisory lock of the outbox ("EVSO").
LOCK = 0x4556534F

#: The outbox's fence, as the event table has one (`eventstore/migrations/0002_append_only.py`).
OUTBOX_FENCE = f"""
CREATE OR REPLACE FUNCTION outgoing_in_flight() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Before the statement draws its positions: the publisher's exclusive lock then waits for this transaction.
    PERFORM pg_advisory_xact_lock_shared({LOCK});
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS outgoing_in_flight ON projections_outgoing;
CREATE TRIGGER outgoing_in_flight BEFORE INSERT ON projections_outgoing
    FOR EACH STATEMENT EXECUTE FUNCTION outgoing_in_flight();

CREATE OR REPLACE FUNCTION outgoing_horizon(after bigint) RETURNS bigint LANGUAGE plpgsql
    SET lock_timeout = '100ms' AS $$
DECLARE
    newest bigint;
BEGIN
    -- `NOT EXISTS (... WHERE position > after)` would read the whole table when there is none; max() reads the index.
    SELECT max(position) INTO newest FROM projections_outgoing;
    IF newest IS NULL OR newest <= after THEN
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
"""

#: Model names as the app `projections` had them, and as they are now.
RENAMED = {
    "checkpoint": "checkpoint",
    "outgoing": "outboxrecord",
    "parkedevent": "deadletter",
    "rebuild": "rebuild",
    "replay": "replay",
    "replayedrow": "replayedrow",
    "unreadablerecord": "unreadablerecord",
    "worker": "worker",
}
PERMISSIONS = {
    "retry_parked": ("retry_dead_letters", "Can retry dead letters"),
    "view_parkedevent": ("view_deadletter", "Can view dead letter"),
    "view_outgoing": ("view_outboxrecord", "Can view outbox record"),
}


class CreateOrAdoptModel(migrations.CreateModel):
    """Create the table, or keep the one that is there. Raises where it lacks columns: an older release made it."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.name)
        connection = schema_editor.connection
        with connection.cursor() as cursor:
            if model._meta.db_table not in connection.introspection.table_names(cursor):
                super().database_forwards(app_label, schema_editor, from_state, to_state)
                return
            columns = connection.introspection.get_table_description(cursor, model._meta.db_table)
        missing = {field.column for field in model._meta.local_fields} - {column.name for column in columns}
        if missing:
            raise DatabaseError(
                f"The table {model._meta.db_table} was made by an older release: it has no "
                f"{', '.join(sorted(missing))}. "
                "Migrate this database with the release before this one first (projections 0014_replays)."
            )


def add_outbox_fence(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(OUTBOX_FENCE, params=None)


def adopt_permissions(apps: Any, schema_editor: Any) -> None:
    database = schema_editor.connection.alias
    content_types = apps.get_model("contenttypes", "ContentType").objects.using(database)
    permissions = apps.get_model("auth", "Permission").objects.using(database)
    for old, new in RENAMED.items():
        content_types.filter(app_label="projections", model=old).update(app_label="projection_engine", model=new)
    for old, (codename, name) in PERMISSIONS.items():
        permissions.filter(content_type__app_label="projection_engine", codename=old).update(
            codename=codename, name=name
        )


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        CreateOrAdoptModel(
            name="OutboxRecord",
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
            options={
                "db_table": "projections_outgoing",
                "default_permissions": ("view",),
            },
        ),
        CreateOrAdoptModel(
            name="Rebuild",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("projection", models.CharField(db_index=True, max_length=100)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("requested", "Requested"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                        ],
                        default="requested",
                        max_length=20,
                    ),
                ),
                ("requested_by", models.CharField(max_length=200)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("position", models.BigIntegerField(default=0, help_text="How far the new rows have come.")),
                ("head", models.BigIntegerField(default=0, help_text="Where the log ended when it was last read.")),
                ("added", models.IntegerField(default=0)),
                ("changed", models.IntegerField(default=0)),
                ("removed", models.IntegerField(default=0)),
                (
                    "foreseen_at",
                    models.DateTimeField(help_text="When its dry run finished; empty: there was none.", null=True),
                ),
                ("foreseen_added", models.IntegerField(null=True)),
                ("foreseen_changed", models.IntegerField(null=True)),
                ("foreseen_removed", models.IntegerField(null=True)),
                (
                    "foreseen_failed",
                    models.IntegerField(help_text="Events that would have become dead letters.", null=True),
                ),
                ("error", models.TextField(blank=True)),
                ("requested_at", models.DateTimeField()),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "projections_rebuild",
                "permissions": (("rebuild_projection", "Can rebuild projections"),),
                "default_permissions": ("view",),
            },
        ),
        CreateOrAdoptModel(
            name="Replay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(choices=[("as-of", "As it was"), ("dry-run", "What would differ")], max_length=20),
                ),
                ("projection", models.CharField(db_index=True, max_length=100)),
                ("at", models.DateTimeField(help_text="As of when.", null=True)),
                (
                    "happened",
                    models.BooleanField(default=False, help_text="By when it happened, not by when it was recorded."),
                ),
                ("key", models.CharField(blank=True, help_text="Only the row with this primary key.", max_length=250)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("requested", "Requested"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                        ],
                        default="requested",
                        max_length=20,
                    ),
                ),
                ("requested_by", models.CharField(max_length=200)),
                ("requested_at", models.DateTimeField()),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("position", models.BigIntegerField(default=0, help_text="How far it has come in the store.")),
                ("head", models.BigIntegerField(default=0, help_text="Where the store ended when it began.")),
                ("events", models.BigIntegerField(default=0, help_text="Events that were folded.")),
                ("rows", models.IntegerField(default=0)),
                ("added", models.IntegerField(default=0)),
                ("changed", models.IntegerField(default=0)),
                ("removed", models.IntegerField(default=0)),
                ("failed", models.IntegerField(default=0, help_text="Events that would become dead letters.")),
                ("error", models.TextField(blank=True)),
                ("owner", models.CharField(blank=True, max_length=200)),
                ("leased_until", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "projections_replay",
                "permissions": (("replay_projection", "Can have read models folded as they were, or would be"),),
                "default_permissions": ("view",),
            },
        ),
        CreateOrAdoptModel(
            name="Worker",
            fields=[
                ("owner", models.CharField(max_length=200, primary_key=True, serialize=False)),
                ("projections", models.TextField(help_text="Their names, separated by commas.")),
                ("started_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField(db_index=True)),
            ],
            options={
                "db_table": "projections_worker",
                "default_permissions": ("view",),
            },
        ),
        CreateOrAdoptModel(
            name="Checkpoint",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("projection", models.CharField(max_length=100)),
                ("partition", models.IntegerField(default=0)),
                ("position", models.BigIntegerField(default=0, help_text="The offset to go on after.")),
                (
                    "sequence",
                    models.BigIntegerField(default=0, help_text="The last event's number within the partition."),
                ),
                (
                    "store_position",
                    models.BigIntegerField(default=0, help_text="The last event's position in the store."),
                ),
                ("version", models.IntegerField(default=1, help_text="The projection's version that wrote the rows.")),
                ("parked", models.IntegerField(default=0, help_text="Dead letters.")),
                ("events", models.BigIntegerField(default=0, help_text="Events seen since the last rebuild.")),
                ("advanced_at", models.DateTimeField(help_text="When the position last moved.", null=True)),
                ("owner", models.CharField(blank=True, help_text="The worker that holds the lease.", max_length=200)),
                ("leased_until", models.DateTimeField(null=True)),
                ("polled_at", models.DateTimeField(help_text="When a worker last looked for new events.", null=True)),
                ("paused", models.BooleanField(default=False)),
            ],
            options={
                "db_table": "projections_checkpoint",
                "default_permissions": ("view",),
                "constraints": [
                    models.UniqueConstraint(fields=("projection", "partition"), name="checkpoint_once_per_partition")
                ],
            },
        ),
        CreateOrAdoptModel(
            name="DeadLetter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("projection", models.CharField(max_length=100)),
                ("aggregate_id", models.UUIDField()),
                ("aggregate_type", models.CharField(max_length=100)),
                ("partition", models.IntegerField(default=0)),
                ("offset", models.BigIntegerField(default=0)),
                (
                    "position",
                    models.BigIntegerField(help_text="Its position in the store, from where a retry reads it."),
                ),
                ("version", models.IntegerField()),
                ("event_id", models.UUIDField()),
                ("event_type", models.CharField(max_length=100)),
                (
                    "error",
                    models.CharField(
                        blank=True, help_text="Empty: it only waits behind an earlier one.", max_length=500
                    ),
                ),
                ("traceback", models.TextField(blank=True)),
                ("attempts", models.IntegerField(default=0)),
                ("parked_at", models.DateTimeField()),
                ("last_attempt_at", models.DateTimeField(null=True)),
                (
                    "next_attempt_at",
                    models.DateTimeField(help_text="Empty while it waits behind an earlier one.", null=True),
                ),
            ],
            options={
                "db_table": "projections_parkedevent",
                "permissions": (("retry_dead_letters", "Can retry dead letters"),),
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["projection", "aggregate_id", "position"], name="parked_in_order"),
                    models.Index(fields=["projection", "next_attempt_at"], name="parked_when_due"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("projection", "event_id"), name="parked_once_per_projection")
                ],
            },
        ),
        CreateOrAdoptModel(
            name="UnreadableRecord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("projection", models.CharField(max_length=100)),
                ("topic", models.CharField(max_length=249)),
                ("partition", models.IntegerField()),
                ("offset", models.BigIntegerField()),
                ("key", models.BinaryField(null=True)),
                ("value", models.BinaryField(null=True)),
                ("headers", models.JSONField(default=list, help_text="Names and values, the values in Latin-1.")),
                ("error", models.CharField(max_length=500)),
                ("found_at", models.DateTimeField()),
            ],
            options={
                "db_table": "projections_unreadablerecord",
                "default_permissions": ("view",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("projection", "topic", "partition", "offset"), name="unreadable_once_per_projection"
                    )
                ],
            },
        ),
        CreateOrAdoptModel(
            name="ReplayedRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.IntegerField(help_text="Its number in the result.")),
                ("key", models.CharField(max_length=250)),
                (
                    "columns",
                    models.TextField(
                        help_text="As JSON: each column's value, or its value as it is and as it would be."
                    ),
                ),
                (
                    "replay",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="found", to="projection_engine.replay"
                    ),
                ),
            ],
            options={
                "db_table": "projections_replayedrow",
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("replay", "number"), name="replayed_row_once")],
            },
        ),
        migrations.RunPython(add_outbox_fence, migrations.RunPython.noop),
        migrations.RunPython(adopt_permissions, migrations.RunPython.noop),
    ]
