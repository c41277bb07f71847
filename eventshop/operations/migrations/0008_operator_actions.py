import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ops", "0007_partition_tally"),
    ]

    operations = [
        migrations.CreateModel(
            name="OperatorAction",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), db_index=True)),
                (
                    "actor",
                    models.CharField(
                        db_index=True, help_text="The staff actor, or the user of the shell.", max_length=200
                    ),
                ),
                ("action", models.CharField(help_text="Such as `pause projection`.", max_length=60)),
                ("target", models.CharField(help_text="What it was done to.", max_length=200)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("result", models.CharField(blank=True, max_length=500)),
            ],
            options={
                "verbose_name": "operator action",
                "default_permissions": ("view",),
            },
        ),
    ]
