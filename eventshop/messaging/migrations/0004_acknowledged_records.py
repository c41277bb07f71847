import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("log", "0003_stopped"),
    ]

    operations = [
        migrations.CreateModel(
            name="AcknowledgedRecord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("topic", models.CharField(max_length=249)),
                ("topic_id", models.UUIDField()),
                ("partition", models.IntegerField()),
                ("offset", models.BigIntegerField()),
                ("digest", models.CharField(help_text="SHA-256 of key, value and headers.", max_length=64)),
                ("error", models.CharField(help_text="Why the record is not an event.", max_length=500)),
                ("reason", models.CharField(max_length=500)),
                ("operator", models.CharField(help_text="Who acknowledged it.", max_length=200)),
                ("acknowledged_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "default_permissions": ("view",),
                "constraints": [
                    models.UniqueConstraint(fields=("topic_id", "partition", "offset"), name="acknowledged_once")
                ],
            },
        ),
    ]
