"""The permissions to act belong to the domains now."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("projections", "0013_trading_accounts"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="ordersummary",
            options={"default_permissions": ("view",), "verbose_name": "order", "verbose_name_plural": "orders"},
        ),
        migrations.AlterModelOptions(
            name="tradeblotter",
            options={"default_permissions": ("view",), "verbose_name": "trade"},
        ),
        migrations.AlterModelOptions(
            name="userprofile",
            options={"default_permissions": ("view",), "verbose_name": "person", "verbose_name_plural": "people"},
        ),
    ]
