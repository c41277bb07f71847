from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("log", "0002_source"),
    ]

    operations = [
        migrations.AddField(
            model_name="relaycheckpoint",
            name="stopped_at",
            field=models.DateTimeField(
                help_text="When publishing stopped for an error that repeats itself.", null=True
            ),
        ),
        migrations.AddField(
            model_name="relaycheckpoint",
            name="stopped_reason",
            field=models.TextField(blank=True, db_default="", default="", help_text="Why, and what to do."),
        ),
    ]
