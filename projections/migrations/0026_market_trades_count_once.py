from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projections", "0025_fees"),
    ]

    operations = [
        migrations.RemoveField(model_name="marketminute", name="levels"),
        migrations.AddField(
            model_name="marketminute",
            name="fills",
            field=models.TextField(
                default="{}", help_text="What was bought and sold, by the venue's number and price."
            ),
        ),
    ]
