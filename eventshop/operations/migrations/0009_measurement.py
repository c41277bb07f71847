from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ops", "0008_operator_actions"),
    ]

    operations = [
        migrations.CreateModel(
            name="Measurement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("span", models.CharField(choices=[("minute", "Minute"), ("hour", "Hour")], max_length=6)),
                ("at", models.DateTimeField(help_text="When the minute or hour began, by the database's clock.")),
                (
                    "parts",
                    models.JSONField(
                        default=dict, help_text="The figures of each part; one that is 0 is left out, except a rate."
                    ),
                ),
                (
                    "totals",
                    models.JSONField(
                        default=dict, help_text="Of a minute: the counts of which the next one makes rates."
                    ),
                ),
            ],
            options={
                "verbose_name": "measurement",
                "verbose_name_plural": "measurements of health",
                "default_permissions": ("view",),
                "constraints": [models.UniqueConstraint(fields=("span", "at"), name="measurement_once")],
            },
        ),
    ]
