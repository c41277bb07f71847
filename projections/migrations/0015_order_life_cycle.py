"""Payments in parts, returns and observed facts in the read models; external ids; money exact on SQLite too."""

from decimal import Decimal
from typing import Any

from django.db import migrations, models
from django.db.models import F, Func

import eventshop.projections.exact_columns

#: The columns of money that SQLite has stored as floats.
MONEY = {
    "activitytimeline": ("amount",),
    "customersummary": ("lifetime_value", "refunded", "spent"),
    "dailysales": ("gross", "net", "refunded"),
    "orderline": ("amount", "price", "refunded"),
    "ordersummary": ("paid", "refunded", "total"),
    "productsales": ("gross", "net", "refunded"),
}


def round_floats(apps: Any, schema_editor: Any) -> None:
    """A float that has become a text, such as 0.30000000000000004, is rounded to the three decimals of its column."""
    if schema_editor.connection.vendor != "sqlite":
        return
    for name, columns in MONEY.items():
        rows = apps.get_model("projections", name).objects
        for column in columns:
            rounded = Func(F(column), template="printf('%%.3f', %(expressions)s)", output_field=models.TextField())
            rows.exclude(**{column: None}).update(**{column: rounded})


class Migration(migrations.Migration):
    dependencies = [
        ("projections", "0014_permissions_moved"),
    ]

    operations = [
        migrations.CreateModel(
            name="ExternalId",
            fields=[
                ("last_event_id", models.UUIDField(help_text="The newest event folded into this row.")),
                ("last_version", models.IntegerField(help_text="That event's version in its stream.")),
                ("last_partition", models.IntegerField(help_text="The log partition it came from.")),
                (
                    "last_offset",
                    models.BigIntegerField(help_text="Its offset there; in the database log, its position."),
                ),
                ("key", models.CharField(max_length=340, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[("order", "Order"), ("customer", "Customer"), ("product", "Product")], max_length=20
                    ),
                ),
                ("source", models.CharField(help_text="The other system.", max_length=40)),
                (
                    "subject_id",
                    models.CharField(
                        db_index=True,
                        help_text="The id of the order or customer, or the product's code.",
                        max_length=200,
                    ),
                ),
                ("value", models.CharField(blank=True, help_text="As the other system writes it.", max_length=200)),
                ("search_value", models.CharField(blank=True, help_text="The same in lower case.", max_length=200)),
                ("customer_id", models.UUIDField(db_index=True, help_text="The customer, if it is theirs.", null=True)),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "external id",
                "default_permissions": ("view",),
            },
        ),
        migrations.AddField(
            model_name="orderline",
            name="damaged",
            field=models.BigIntegerField(default=0, help_text="Those of them that cannot be sold again."),
        ),
        migrations.AddField(
            model_name="orderline",
            name="kind",
            field=models.CharField(
                choices=[("product", "Product"), ("freight", "Freight"), ("discount", "Discount"), ("tax", "Tax")],
                default="product",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="ordersummary",
            name="authorisations",
            field=models.TextField(blank=True, help_text="Payments that are set aside: id:amount, by spaces."),
        ),
        migrations.AddField(
            model_name="ordersummary",
            name="authorised",
            field=eventshop.projections.exact_columns.MoneyField(
                decimal_places=3,
                default=Decimal("0"),
                help_text="What is set aside on a card, to be taken when the order is shipped.",
                max_digits=18,
            ),
        ),
        migrations.AddField(
            model_name="ordersummary",
            name="declined",
            field=models.IntegerField(default=0, help_text="How many payments were declined."),
        ),
        migrations.AddField(
            model_name="ordersummary",
            name="external_ids",
            field=models.TextField(
                blank=True, help_text="What other systems call it, as `source:value, source:value`."
            ),
        ),
        migrations.AddField(
            model_name="ordersummary",
            name="observed",
            field=models.BooleanField(default=False, help_text="Some of it happened elsewhere and was observed."),
        ),
        migrations.AddField(
            model_name="ordersummary",
            name="outstanding",
            field=eventshop.projections.exact_columns.MoneyField(
                decimal_places=3,
                default=Decimal("0"),
                help_text="What is still to be paid: neither taken nor set aside on a card.",
                max_digits=18,
            ),
        ),
        migrations.AddField(
            model_name="ordersummary",
            name="payment_state",
            field=models.CharField(
                blank=True,
                choices=[
                    ("UNPAID", "Unpaid"),
                    ("PARTLY_PAID", "Partly paid"),
                    ("AUTHORISED", "Authorised"),
                    ("PAID", "Paid"),
                    ("OVERPAID", "Overpaid"),
                ],
                help_text="What is paid or set aside on a card, compared with the total. Empty for a credit note.",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="ordersummary",
            name="refund_due",
            field=eventshop.projections.exact_columns.MoneyField(
                decimal_places=3,
                default=Decimal("0"),
                help_text="What the shop owes the customer: asked for, and not yet given back.",
                max_digits=18,
            ),
        ),
        migrations.AddField(
            model_name="ordersummary",
            name="returned_value",
            field=eventshop.projections.exact_columns.MoneyField(
                decimal_places=3, default=Decimal("0"), help_text="Price of the pieces that came back.", max_digits=18
            ),
        ),
        migrations.AddField(
            model_name="ordersummary",
            name="returns_accepted",
            field=models.IntegerField(default=0, help_text="How many of them the shop accepted."),
        ),
        migrations.AddField(
            model_name="ordersummary",
            name="returns_asked",
            field=models.IntegerField(default=0, help_text="How many returns were asked for."),
        ),
        migrations.AddField(
            model_name="ordersummary",
            name="returns_closed_at",
            field=models.DateTimeField(help_text="When the time to ask for a return was over.", null=True),
        ),
        migrations.AddField(
            model_name="ordersummary",
            name="returns_to_decide",
            field=models.IntegerField(default=0, help_text="How many of them wait for the shop's decision."),
        ),
        migrations.AddField(
            model_name="ordersummary",
            name="review",
            field=models.CharField(
                blank=True,
                help_text="Codes of the rules that observed facts break, by spaces; a person must look at the order.",
                max_length=500,
            ),
        ),
        migrations.AlterField(
            model_name="activitytimeline",
            name="amount",
            field=eventshop.projections.exact_columns.MoneyField(
                decimal_places=3, default=None, max_digits=18, null=True
            ),
        ),
        migrations.AlterField(
            model_name="customersummary",
            name="lifetime_value",
            field=eventshop.projections.exact_columns.MoneyField(
                db_index=True,
                decimal_places=3,
                default=Decimal("0"),
                help_text="Payments less refunds and credit notes.",
                max_digits=18,
            ),
        ),
        migrations.AlterField(
            model_name="customersummary",
            name="paid_orders",
            field=models.IntegerField(default=0, help_text="Orders paid in full."),
        ),
        migrations.AlterField(
            model_name="customersummary",
            name="refunded",
            field=eventshop.projections.exact_columns.MoneyField(
                decimal_places=3, default=Decimal("0"), help_text="Sum of refunds and credit notes.", max_digits=18
            ),
        ),
        migrations.AlterField(
            model_name="customersummary",
            name="spent",
            field=eventshop.projections.exact_columns.MoneyField(
                decimal_places=3, default=Decimal("0"), help_text="Sum of payments.", max_digits=18
            ),
        ),
        migrations.AlterField(
            model_name="dailysales",
            name="gross",
            field=eventshop.projections.exact_columns.MoneyField(
                decimal_places=3, default=Decimal("0"), help_text="Sum of payments.", max_digits=18
            ),
        ),
        migrations.AlterField(
            model_name="dailysales",
            name="net",
            field=eventshop.projections.exact_columns.MoneyField(
                decimal_places=3, default=Decimal("0"), help_text="Gross less refunded.", max_digits=18
            ),
        ),
        migrations.AlterField(
            model_name="dailysales",
            name="orders",
            field=models.IntegerField(default=0, help_text="Orders of which this day's payment completed the total."),
        ),
        migrations.AlterField(
            model_name="dailysales",
            name="refunded",
            field=eventshop.projections.exact_columns.MoneyField(
                decimal_places=3, default=Decimal("0"), help_text="Sum of refunds and credit notes.", max_digits=18
            ),
        ),
        migrations.AlterField(
            model_name="orderline",
            name="amount",
            field=eventshop.projections.exact_columns.MoneyField(
                decimal_places=3, default=Decimal("0"), help_text="Quantity times price.", max_digits=18
            ),
        ),
        migrations.AlterField(
            model_name="orderline",
            name="price",
            field=eventshop.projections.exact_columns.MoneyField(
                decimal_places=3, default=Decimal("0"), help_text="Per piece; negative for a discount.", max_digits=18
            ),
        ),
        migrations.AlterField(
            model_name="orderline",
            name="refunded",
            field=eventshop.projections.exact_columns.MoneyField(
                decimal_places=3, default=Decimal("0"), help_text="What they cost.", max_digits=18
            ),
        ),
        migrations.AlterField(
            model_name="ordersummary",
            name="paid",
            field=eventshop.projections.exact_columns.MoneyField(
                decimal_places=3, default=Decimal("0"), help_text="What the customer has paid.", max_digits=18
            ),
        ),
        migrations.AlterField(
            model_name="ordersummary",
            name="refunded",
            field=eventshop.projections.exact_columns.MoneyField(
                decimal_places=3, default=Decimal("0"), help_text="What went back to the customer.", max_digits=18
            ),
        ),
        migrations.AlterField(
            model_name="ordersummary",
            name="total",
            field=eventshop.projections.exact_columns.MoneyField(
                decimal_places=3, default=Decimal("0"), help_text="What the lines cost together.", max_digits=18
            ),
        ),
        migrations.AlterField(
            model_name="ordersummary",
            name="units",
            field=models.BigIntegerField(default=0, help_text="Pieces of products ordered."),
        ),
        migrations.AlterField(
            model_name="productsales",
            name="gross",
            field=eventshop.projections.exact_columns.MoneyField(
                decimal_places=3, default=Decimal("0"), help_text="Sum of paid lines.", max_digits=18
            ),
        ),
        migrations.AlterField(
            model_name="productsales",
            name="net",
            field=eventshop.projections.exact_columns.MoneyField(
                db_index=True, decimal_places=3, default=Decimal("0"), help_text="Gross less refunded.", max_digits=18
            ),
        ),
        migrations.AlterField(
            model_name="productsales",
            name="refunded",
            field=eventshop.projections.exact_columns.MoneyField(
                decimal_places=3, default=Decimal("0"), help_text="Sum of returned and credited lines.", max_digits=18
            ),
        ),
        migrations.AddIndex(
            model_name="ordersummary",
            index=models.Index(fields=["payment_state", "-created_at"], name="order_by_payment_state"),
        ),
        migrations.AddIndex(
            model_name="ordersummary",
            index=models.Index(
                condition=models.Q(("review", ""), _negated=True), fields=["-created_at"], name="order_to_review"
            ),
        ),
        migrations.AddIndex(
            model_name="ordersummary",
            index=models.Index(
                condition=models.Q(("returns_to_decide__gt", 0)), fields=["-created_at"], name="order_return_to_decide"
            ),
        ),
        migrations.AddIndex(
            model_name="externalid",
            index=models.Index(fields=["search_value", "kind", "source"], name="external_id_search"),
        ),
        migrations.RunPython(round_floats, migrations.RunPython.noop, elidable=True),
    ]
