from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    operations = [
        migrations.CreateModel(
            name="WorkerProcess",
            fields=[
                (
                    "owner",
                    models.CharField(
                        help_text="Host name, process id and a random part.",
                        max_length=200,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField(help_text="Its last heartbeat.")),
                ("threads", models.JSONField(default=dict, help_text="The state of each thread by its name.")),
            ],
            options={
                "verbose_name": "worker process",
                "verbose_name_plural": "worker processes",
                "default_permissions": ("view",),
            },
        ),
    ]
