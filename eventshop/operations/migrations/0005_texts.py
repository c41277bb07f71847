"""Help texts and labels in standard terms. The database does not change."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ops", "0004_signed_roots"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="periodicwork",
            options={
                "default_permissions": ("view",),
                "verbose_name": "periodic job",
                "verbose_name_plural": "periodic jobs",
            },
        ),
        migrations.AlterField(
            model_name="periodicwork",
            name="due_at",
            field=models.DateTimeField(help_text="When it runs next."),
        ),
        migrations.AlterField(
            model_name="periodicwork",
            name="failed",
            field=models.BooleanField(default=False, help_text="Whether the last run ended with an error."),
        ),
        migrations.AlterField(
            model_name="periodicwork",
            name="leased_until",
            field=models.DateTimeField(help_text="Empty if it is not running.", null=True),
        ),
        migrations.AlterField(
            model_name="periodicwork",
            name="owner",
            field=models.CharField(blank=True, help_text="The process that runs it, or ran it last.", max_length=200),
        ),
        migrations.AlterField(
            model_name="periodicwork",
            name="said",
            field=models.CharField(blank=True, help_text="The result of the last run, or its error.", max_length=500),
        ),
        migrations.AlterField(
            model_name="signedroot",
            name="after_position",
            field=models.BigIntegerField(help_text="The last position of the previous root."),
        ),
        migrations.AlterField(
            model_name="signedroot",
            name="heads",
            field=models.BinaryField(
                help_text="Stream id, version and hash of each head, 52 bytes each, sorted by stream."
            ),
        ),
        migrations.AlterField(
            model_name="signedroot",
            name="previous",
            field=models.BinaryField(help_text="SHA-256 of the previous statement."),
        ),
        migrations.AlterField(
            model_name="signedroot",
            name="root",
            field=models.BinaryField(help_text="Merkle root over the heads of those streams."),
        ),
        migrations.AlterField(
            model_name="signedroot",
            name="signature",
            field=models.BinaryField(help_text="The signature of the statement, by that key."),
        ),
        migrations.AlterField(
            model_name="signedroot",
            name="streams",
            field=models.IntegerField(help_text="The number of streams with events between those positions."),
        ),
        migrations.AlterField(
            model_name="signedroot",
            name="to_position",
            field=models.BigIntegerField(help_text="The last position that this root covers."),
        ),
        migrations.AlterField(
            model_name="webrequest",
            name="actor",
            field=models.CharField(
                blank=True, help_text="The primary key of the account that was signed in.", max_length=200
            ),
        ),
        migrations.AlterField(
            model_name="webrequest",
            name="commands",
            field=models.TextField(help_text="The ids of the first hundred commands."),
        ),
        migrations.AlterField(
            model_name="webrequest",
            name="route",
            field=models.CharField(help_text="The pattern of the URL.", max_length=200),
        ),
        migrations.AlterField(
            model_name="webrequest",
            name="sent",
            field=models.IntegerField(help_text="The number of commands."),
        ),
        migrations.AlterField(
            model_name="webrequest",
            name="status",
            field=models.IntegerField(help_text="The HTTP status of the response."),
        ),
        migrations.AlterField(
            model_name="webrequest",
            name="trace_id",
            field=models.CharField(
                db_index=True, help_text="W3C Trace Context; the caller's if it sent one.", max_length=32
            ),
        ),
    ]
