from django.db import migrations, models

import eventshop.projections.short_ids


class Migration(migrations.Migration):
    dependencies = [
        ("projections", "0021_position_contract"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="customersummary",
            index=models.Index(eventshop.projections.short_ids.ShortId("customer_id"), name="customer_short_id"),
        ),
        migrations.AddIndex(
            model_name="ordersummary",
            index=models.Index(fields=["reference", "order_id"], name="order_references"),
        ),
        migrations.AddIndex(
            model_name="ordersummary",
            index=models.Index(eventshop.projections.short_ids.ShortId("order_id"), name="order_short_id"),
        ),
        migrations.AddIndex(
            model_name="tradeblotter",
            index=models.Index(eventshop.projections.short_ids.ShortId("trade_id"), name="trade_short_id"),
        ),
        migrations.AddIndex(
            model_name="userprofile",
            index=models.Index(eventshop.projections.short_ids.ShortId("user_id"), name="person_short_id"),
        ),
    ]
