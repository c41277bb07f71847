from django.db import migrations

import orders.models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0009_catalogue"),
    ]

    operations = [
        migrations.AddField(model_name=name, name="change_mark", field=orders.models.ChangeMark())
        for name in ("category", "product")
    ]
