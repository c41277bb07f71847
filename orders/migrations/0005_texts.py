"""Help texts and labels in standard terms. The database does not change."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0004_permissions"),
    ]

    operations = [
        migrations.AlterField(
            model_name="gatewaymessage",
            name="about",
            field=models.CharField(
                blank=True, help_text="The type of a webhook, such as charge.succeeded.", max_length=30
            ),
        ),
        migrations.AlterField(
            model_name="gatewaymessage",
            name="amount",
            field=models.BigIntegerField(help_text="The amount in it, in pennies.", null=True),
        ),
        migrations.AlterField(
            model_name="gatewaymessage",
            name="begins",
            field=models.CharField(
                blank=True, help_text="The beginning of a body that could not be decoded.", max_length=200
            ),
        ),
        migrations.AlterField(
            model_name="gatewaymessage",
            name="code",
            field=models.CharField(blank=True, help_text="The error code of a refused message.", max_length=50),
        ),
        migrations.AlterField(
            model_name="gatewaymessage",
            name="key",
            field=models.UUIDField(db_index=True, help_text="The key of the payment in it.", null=True),
        ),
        migrations.AlterField(
            model_name="gatewaymessage",
            name="same_as",
            field=models.CharField(
                help_text="Messages with the same value count as equal.", max_length=200, unique=True
            ),
        ),
        migrations.AlterField(
            model_name="gatewaymessage",
            name="source",
            field=models.CharField(choices=[("notice", "Webhook"), ("answer", "Response")], max_length=10),
        ),
        migrations.AlterField(
            model_name="gatewaymessage",
            name="times",
            field=models.IntegerField(default=1, help_text="How often it was received."),
        ),
        migrations.AlterField(
            model_name="gatewaymessage",
            name="why",
            field=models.CharField(blank=True, help_text="The error message.", max_length=500),
        ),
        migrations.AlterField(
            model_name="payment",
            name="charge",
            field=models.UUIDField(help_text="The charge that is refunded.", null=True),
        ),
        migrations.AlterField(
            model_name="payment",
            name="key",
            field=models.UUIDField(
                help_text="The idempotency key at the gateway: the same key always means the same payment.",
                primary_key=True,
                serialize=False,
            ),
        ),
        migrations.AlterField(
            model_name="payment",
            name="order_id",
            field=models.UUIDField(help_text="The order of a charge.", null=True),
        ),
        migrations.AlterField(
            model_name="payment",
            name="reference",
            field=models.CharField(blank=True, help_text="The gateway's own number for it.", max_length=200),
        ),
        migrations.AlterField(
            model_name="payment",
            name="status",
            field=models.CharField(
                choices=[
                    ("asked", "Requested"),
                    ("pending", "Pending"),
                    ("succeeded", "Succeeded"),
                    ("declined", "Declined"),
                ],
                default="asked",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="payment",
            name="trouble",
            field=models.CharField(
                blank=True, help_text="Why the outcome of the last request is unknown.", max_length=200
            ),
        ),
        migrations.AlterField(
            model_name="product",
            name="on_sale",
            field=models.BooleanField(default=True, help_text="Whether customers can see and order it."),
        ),
    ]
