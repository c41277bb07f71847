"""Help texts and labels in standard terms. The database does not change."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("privacy", "0002_erasure"),
    ]

    operations = [
        migrations.AlterField(
            model_name="erasure",
            name="leased_until",
            field=models.DateTimeField(help_text="Until then no other process runs it.", null=True),
        ),
        migrations.AlterField(
            model_name="erasure",
            name="log",
            field=models.TextField(default="[]", help_text="Each completed step, its time and its result, as JSON."),
        ),
        migrations.AlterField(
            model_name="erasure",
            name="problem",
            field=models.TextField(blank=True, help_text="The error that stopped it."),
        ),
        migrations.AlterField(
            model_name="erasure",
            name="purposes",
            field=models.TextField(default="[]", help_text="The purposes of the destroyed keys, as JSON."),
        ),
        migrations.AlterField(
            model_name="erasure",
            name="step",
            field=models.CharField(help_text="The next step; `done` if there is none.", max_length=20),
        ),
        migrations.AlterField(
            model_name="erasure",
            name="streams",
            field=models.TextField(default="[]", help_text="Other streams with data of the person, as JSON."),
        ),
        migrations.AlterField(
            model_name="erasure",
            name="words",
            field=models.BinaryField(
                default=b"", help_text="The search terms for the scan, encrypted; deleted at the end."
            ),
        ),
        migrations.AlterField(
            model_name="personalkey",
            name="wrapped_by",
            field=models.CharField(
                help_text="The id of the key-encryption key: the beginning of its SHA-256.", max_length=16
            ),
        ),
    ]
