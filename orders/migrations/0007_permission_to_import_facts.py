"""Those who may import facts record what happened to an order elsewhere."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("orders", "0006_captures_and_voids")]

    operations = [
        migrations.AlterModelOptions(
            name="orderpermission",
            options={
                "managed": False,
                "default_permissions": (),
                "permissions": (
                    ("ship_order", "Can ship orders"),
                    ("deliver_order", "Can mark orders delivered"),
                    ("cancel_order", "Can cancel orders"),
                    ("refund_order", "Can accept, decline and receive returns"),
                    ("import_facts", "Can record what happened elsewhere"),
                ),
            },
        ),
    ]
