from decimal import Decimal

from django.db import migrations, models

import eventshop.projections.exact_columns


def _sum(help_text: str) -> eventshop.projections.exact_columns.ExactField:
    return eventshop.projections.exact_columns.ExactField(
        decimal_places=16, default=Decimal("0"), help_text=help_text, max_digits=38
    )


class Migration(migrations.Migration):
    dependencies = [
        ("projections", "0024_venue_requests"),
    ]

    operations = [
        migrations.AddField(
            model_name="tradeblotter",
            name="fees",
            field=_sum("Of the fills that stand, in `fee_currency`; below 0: rebates."),
        ),
        migrations.AddField(
            model_name="tradeblotter",
            name="fee_currency",
            field=models.CharField(default="", help_text="That of the trade's values.", max_length=5),
        ),
        migrations.AddField(
            model_name="position",
            name="fees",
            field=_sum("Of the fills that stand; below 0: rebates."),
        ),
        migrations.AddField(
            model_name="position",
            name="net_realised",
            field=_sum("`realised` less fees."),
        ),
        migrations.AddField(
            model_name="position",
            name="fifo_net_realised",
            field=_sum("`fifo_realised` less fees."),
        ),
    ]
