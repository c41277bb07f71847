from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projection_engine", "0002_dead_letter_sequence"),
    ]

    operations = [
        migrations.AddField(
            model_name="deadletter",
            name="waits_for",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="The event type and version not known yet.",
                max_length=120,
            ),
        ),
        migrations.AddIndex(
            model_name="deadletter",
            index=models.Index(
                condition=models.Q(("waits_for", ""), _negated=True),
                fields=["projection", "waits_for"],
                name="parked_waiting",
            ),
        ),
    ]
