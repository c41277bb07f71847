from django.db import migrations, models

import eventshop.projections.exact_columns


class Migration(migrations.Migration):
    dependencies = [
        ("trading", "0004_exchange_rates"),
    ]

    operations = [
        migrations.CreateModel(
            name="FeeSchedule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "account_id",
                    models.UUIDField(blank=True, help_text="The account they are for; empty: all others.", null=True),
                ),
                (
                    "instrument",
                    models.CharField(
                        blank=True,
                        help_text="Venue and symbol, such as XETRA/SAP; empty: all others.",
                        max_length=60,
                    ),
                ),
                (
                    "rate",
                    eventshop.projections.exact_columns.ExactField(
                        decimal_places=8,
                        help_text="Of the value: 0.001 is a tenth of a percent; below 0: rebate.",
                        max_digits=9,
                    ),
                ),
                (
                    "per_piece",
                    eventshop.projections.exact_columns.ExactField(
                        decimal_places=8,
                        default=0,
                        help_text="For each piece, in the currency of the values.",
                        max_digits=18,
                    ),
                ),
                (
                    "minimum",
                    eventshop.projections.exact_columns.ExactField(
                        decimal_places=8,
                        default=0,
                        help_text="Of each fill, in the currency of the values; 0: none.",
                        max_digits=18,
                    ),
                ),
                ("valid_from", models.DateTimeField(help_text="For trades that are submitted from then on.")),
                ("recorded_by", models.CharField(max_length=200)),
                ("recorded_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "default_permissions": ("add", "view"),
                "indexes": [models.Index(fields=["-valid_from"], name="fee_schedule_newest")],
            },
        ),
    ]
