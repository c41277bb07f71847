"""Unreadable records have a cause and attempts, as dead letters have."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projection_engine", "0009_dead_letter_jobs"),
    ]

    operations = [
        migrations.AddField(
            model_name="unreadablerecord",
            name="fingerprint",
            field=models.CharField(db_default="", default="", help_text="The cause.", max_length=200),
        ),
        migrations.AddField(
            model_name="unreadablerecord",
            name="attempts",
            field=models.IntegerField(db_default=1, default=1, help_text="How often it was read."),
        ),
        migrations.AddField(
            model_name="unreadablerecord",
            name="last_attempt_at",
            field=models.DateTimeField(help_text="When it was last read again.", null=True),
        ),
        migrations.RunSQL(
            "UPDATE projections_unreadablerecord SET fingerprint = substr(error, 1, 200)", migrations.RunSQL.noop
        ),
    ]
