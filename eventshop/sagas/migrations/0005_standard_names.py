"""Models, permissions and help texts get their standard names; tables, columns and stored values stay as they are."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models

PERMISSIONS = {
    "mend_saga": ("operate_saga", "Can retry, compensate and resolve sagas"),
    "view_processworker": ("view_sagaworker", "Can view saga worker"),
    "view_sagainput": ("view_inboxmessage", "Can view inbox message"),
    "view_share": ("view_partitionlease", "Can view partition lease"),
}


def rename_permissions(apps: Any, schema_editor: Any) -> None:
    permissions = apps.get_model("auth", "Permission").objects.using(schema_editor.connection.alias)
    for old, (codename, name) in PERMISSIONS.items():
        permissions.filter(content_type__app_label="process", codename=old).update(codename=codename, name=name)


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("process", "0004_swept"),
    ]

    operations = [
        # The tables are named first, so that renaming the models leaves the database as it is.
        migrations.AlterModelTable(name="sagainput", table="process_sagainput"),
        migrations.AlterModelTable(name="share", table="process_share"),
        migrations.AlterModelTable(name="processworker", table="process_processworker"),
        migrations.RenameModel(old_name="SagaInput", new_name="InboxMessage"),
        migrations.RenameModel(old_name="Share", new_name="PartitionLease"),
        migrations.RenameModel(old_name="ProcessWorker", new_name="SagaWorker"),
        migrations.RunPython(rename_permissions, migrations.RunPython.noop),
        migrations.AlterModelOptions(
            name="saga",
            options={
                "default_permissions": ("view",),
                "permissions": (("operate_saga", "Can retry, compensate and resolve sagas"),),
            },
        ),
        migrations.AlterField(
            model_name="inboxmessage",
            name="actor",
            field=models.CharField(blank=True, help_text="The operator who requested it, if one did.", max_length=200),
        ),
        migrations.AlterField(
            model_name="inboxmessage",
            name="cause_id",
            field=models.UUIDField(help_text="The event, step or timer: the causation id of what follows."),
        ),
        migrations.AlterField(
            model_name="inboxmessage",
            name="payload",
            field=models.TextField(
                blank=True, help_text="What is not in the store: an effect's result, an operator's reason."
            ),
        ),
        migrations.AlterField(
            model_name="inboxmessage",
            name="position",
            field=models.BigIntegerField(help_text="The event's position in the store.", null=True),
        ),
        migrations.AlterField(
            model_name="inboxmessage",
            name="state",
            field=models.CharField(
                choices=[
                    ("waiting", "Waiting"),
                    ("handled", "Processed"),
                    ("held", "Deferred"),
                    ("skipped", "Skipped"),
                ],
                default="waiting",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="partitionlease",
            name="offset",
            field=models.BigIntegerField(default=0, help_text="Of a log partition: how far its events were routed."),
        ),
        migrations.AlterField(
            model_name="saga",
            name="behind",
            field=models.IntegerField(
                default=0, help_text="Pending commands: not sent yet, and later ones wait for them."
            ),
        ),
        migrations.AlterField(
            model_name="saga",
            name="correlation_id",
            field=models.UUIDField(help_text="The correlation it belongs to."),
        ),
        migrations.AlterField(
            model_name="saga",
            name="error",
            field=models.TextField(blank=True, help_text="Why it is suspended."),
        ),
        migrations.AlterField(
            model_name="saga",
            name="moved_at",
            field=models.DateTimeField(help_text="When it last processed a message."),
        ),
        migrations.AlterField(
            model_name="saga",
            name="sequence_number",
            field=models.IntegerField(help_text="The highest sequence number that it has processed."),
        ),
        migrations.AlterField(
            model_name="saga",
            name="slot",
            field=models.SmallIntegerField(help_text="Its partition; one worker at a time processes a partition."),
        ),
        migrations.AlterField(
            model_name="saga",
            name="status",
            field=models.CharField(
                choices=[("running", "Running"), ("ended", "Ended"), ("stuck", "Suspended"), ("resolved", "Resolved")],
                default="running",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="saga",
            name="subject_id",
            field=models.UUIDField(help_text="What the saga is about, for example the order's id."),
        ),
        migrations.AlterField(
            model_name="saga",
            name="swept_at",
            field=models.DateTimeField(help_text="When its messages and steps were deleted.", null=True),
        ),
        migrations.AlterField(
            model_name="saga",
            name="version",
            field=models.IntegerField(help_text="The version of the code that it started with and goes on with."),
        ),
        migrations.AlterField(
            model_name="sagastep",
            name="answer",
            field=models.TextField(blank=True, help_text="Why it was refused, its result, or its last error."),
        ),
        migrations.AlterField(
            model_name="sagastep",
            name="cause_id",
            field=models.UUIDField(help_text="The cause of the message it follows from."),
        ),
        migrations.AlterField(
            model_name="sagastep",
            name="looked_at_from",
            field=models.DateTimeField(help_text="No worker tries it before."),
        ),
        migrations.AlterField(
            model_name="sagastep",
            name="number",
            field=models.IntegerField(help_text="Its number among the saga's steps, from 1."),
        ),
        migrations.AlterField(
            model_name="sagastep",
            name="owner",
            field=models.CharField(blank=True, help_text="The worker that claimed it last.", max_length=200),
        ),
        migrations.AlterField(
            model_name="sagastep",
            name="position",
            field=models.BigIntegerField(
                help_text="Position of the last event of an accepted command; 0: no event.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="sagastep",
            name="sequence_number",
            field=models.IntegerField(help_text="Its cause's sequence number within the correlation."),
        ),
        migrations.AlterField(
            model_name="sagaworker",
            name="kind",
            field=models.CharField(help_text="What it leases: `events` or `sagas`.", max_length=20),
        ),
        migrations.AlterField(
            model_name="timer",
            name="answer",
            field=models.TextField(blank=True, help_text="The outcome: accepted, refused, or why it failed."),
        ),
        migrations.AlterField(
            model_name="timer",
            name="command_type",
            field=models.CharField(blank=True, help_text="Empty: a saga gets a message instead.", max_length=100),
        ),
        migrations.AlterField(
            model_name="timer",
            name="envelope",
            field=models.TextField(blank=True, help_text="The command's envelope as JSON."),
        ),
        migrations.AlterField(
            model_name="timer",
            name="key",
            field=models.CharField(help_text="Its key; one timer at a time waits under a key.", max_length=200),
        ),
        migrations.AlterField(
            model_name="timer",
            name="looked_at_from",
            field=models.DateTimeField(help_text="No worker claims it before: it is not due, or already claimed."),
        ),
        migrations.AlterField(
            model_name="timer",
            name="name",
            field=models.CharField(blank=True, help_text="The timer's name in that saga.", max_length=200),
        ),
        migrations.AlterField(
            model_name="timer",
            name="owner",
            field=models.CharField(blank=True, help_text="The worker that claimed it last.", max_length=200),
        ),
        migrations.AlterField(
            model_name="timer",
            name="saga_id",
            field=models.UUIDField(help_text="The saga that gets a message.", null=True),
        ),
    ]
