"""The permissions to act on orders belong to this app; they belonged to a read model."""

from django.db import migrations, models

from eventshop.permission_migrations import move_permissions

PERMISSIONS = ("ship_order", "deliver_order", "cancel_order", "refund_order")


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0003_stock_permissions"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.CreateModel(
            name="OrderPermission",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ],
            options={
                "managed": False,
                "default_permissions": (),
                "permissions": (
                    ("ship_order", "Can ship orders"),
                    ("deliver_order", "Can mark orders delivered"),
                    ("cancel_order", "Can cancel orders"),
                    ("refund_order", "Can take returns and refund them"),
                ),
            },
        ),
        move_permissions(("projections", "ordersummary"), ("orders", "orderpermission"), PERMISSIONS),
    ]
