"""The permissions to act on trades and accounts belong to this app; they belonged to a read model."""

from django.db import migrations, models

from eventshop.permission_migrations import move_permissions

PERMISSIONS = (
    "submit_trade",
    "fill_trade",
    "reject_trade",
    "cancel_trade",
    "correct_trade",
    "settle_trade",
    "open_account",
    "set_limit",
)


class Migration(migrations.Migration):
    initial = True
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.CreateModel(
            name="TradePermission",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ],
            options={
                "managed": False,
                "default_permissions": (),
                "permissions": (
                    ("submit_trade", "Can submit trades for any account"),
                    ("fill_trade", "Can report fills"),
                    ("reject_trade", "Can reject trades"),
                    ("cancel_trade", "Can cancel anybody's trades"),
                    ("correct_trade", "Can correct fills and declare them void"),
                    ("settle_trade", "Can settle trades, hold their settlement back and let it go on"),
                    ("open_account", "Can open trading accounts"),
                    ("set_limit", "Can set the limits of trading accounts"),
                ),
            },
        ),
        move_permissions(("projections", "tradeblotter"), ("trading", "tradepermission"), PERMISSIONS),
    ]
