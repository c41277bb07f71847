from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projection_engine", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="deadletter",
            name="sequence",
            field=models.BigIntegerField(db_default=0, default=0, help_text="Its number within the partition."),
        ),
    ]
