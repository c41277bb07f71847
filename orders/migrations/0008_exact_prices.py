"""Prices with three decimals, exact on SQLite too, in currencies of ISO 4217."""

from decimal import Decimal

import django.core.validators
from django.db import migrations, models

import eventshop.projections.exact_columns


class Migration(migrations.Migration):
    dependencies = [("orders", "0007_permission_to_import_facts")]

    operations = [
        migrations.AlterField(
            model_name="product",
            name="currency",
            field=models.CharField(default="GBP", help_text="A currency of ISO 4217, such as GBP.", max_length=3),
        ),
        migrations.AlterField(
            model_name="product",
            name="price",
            field=eventshop.projections.exact_columns.MoneyField(
                decimal_places=3,
                max_digits=15,
                validators=[django.core.validators.MinValueValidator(Decimal("0"))],
            ),
        ),
    ]
