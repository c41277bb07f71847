from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ops", "0006_access_log")]

    operations = [
        migrations.CreateModel(
            name="PartitionTally",
            fields=[
                ("partition", models.IntegerField(primary_key=True, serialize=False)),
                (
                    "events",
                    models.BigIntegerField(default=0, help_text="Events of the partition up to `counted_to`."),
                ),
                (
                    "last_position",
                    models.BigIntegerField(default=0, help_text="The position of the last of them."),
                ),
                (
                    "counted_to",
                    models.BigIntegerField(default=0, help_text="The position up to which events were counted."),
                ),
            ],
            options={
                "verbose_name": "partition tally",
                "verbose_name_plural": "partition tallies",
                "default_permissions": (),
            },
        ),
    ]
