"""Read models of orders, customers, days and products."""

from __future__ import annotations

from types import MappingProxyType

from django.db import models

from eventshop.projections.read_model import ReadModel
from eventshop.projections.short_ids import ShortId
from projections.models.fields import money_field, text_field


class OrderSummary(ReadModel):
    """The current state of an order."""

    personal = dict.fromkeys(("delivery_name", "delivery_address", "received_by"), "delivery")
    free_text = MappingProxyType({"carrier": "delivery", "tracking": "delivery", "reason": "notes"})
    subjects = ("customer_id", "order_id")

    class Kind(models.TextChoices):
        ORDER = "order", "Order"
        CREDIT_NOTE = "credit-note", "Credit note"

    class Status(models.TextChoices):
        CREATED = "CREATED", "Created"
        PAID = "PAID", "Paid"
        SHIPPED = "SHIPPED", "Shipped"
        DELIVERED = "DELIVERED", "Delivered"
        CANCELLED = "CANCELLED", "Cancelled"
        CREDITED = "CREDITED", "Credited"
        REVERSED = "REVERSED", "Credit note, void"

    class PaymentState(models.TextChoices):
        UNPAID = "UNPAID", "Unpaid"
        PARTLY_PAID = "PARTLY_PAID", "Partly paid"
        AUTHORISED = "AUTHORISED", "Authorised"
        PAID = "PAID", "Paid"
        OVERPAID = "OVERPAID", "Overpaid"

    order_id = models.UUIDField(primary_key=True)
    reference = text_field(db_index=True, help_text="The number people call it by.")
    external_ids = models.TextField(
        blank=True, help_text="What other systems call it, as `source:value, source:value`."
    )
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.ORDER)
    status = models.CharField(max_length=20, choices=Status.choices)
    customer_id = models.UUIDField(null=True, db_index=True, help_text="Empty for an anonymous sale.")
    country = models.CharField(max_length=200, blank=True)
    currency = models.CharField(max_length=3)
    total = money_field("What the lines cost together.")
    payment_state = models.CharField(
        max_length=20,
        choices=PaymentState.choices,
        blank=True,
        help_text="What is paid or set aside on a card, compared with the total. Empty for a credit note.",
    )
    outstanding = money_field("What is still to be paid: neither taken nor set aside on a card.")
    authorised = money_field("What is set aside on a card, to be taken when the order is shipped.")
    authorisations = models.TextField(blank=True, help_text="Payments that are set aside: id:amount, by spaces.")
    paid = money_field("What the customer has paid.")
    refunded = money_field("What went back to the customer.")
    refund_due = money_field("What the shop owes the customer: asked for, and not yet given back.")
    declined = models.IntegerField(default=0, help_text="How many payments were declined.")
    lines = models.IntegerField(default=0, help_text="Number of lines.")
    units = models.BigIntegerField(default=0, help_text="Pieces of products ordered.")
    units_returned = models.BigIntegerField(default=0, help_text="Pieces that came back.")
    returned_value = money_field("Price of the pieces that came back.")
    returns_asked = models.IntegerField(default=0, help_text="How many returns were asked for.")
    returns_accepted = models.IntegerField(default=0, help_text="How many of them the shop accepted.")
    returns_to_decide = models.IntegerField(default=0, help_text="How many of them wait for the shop's decision.")
    observed = models.BooleanField(default=False, help_text="Some of it happened elsewhere and was observed.")
    review = models.CharField(
        max_length=500,
        blank=True,
        help_text="Codes of the rules that observed facts break, by spaces; a person must look at the order.",
    )
    payment = models.CharField(max_length=200, blank=True, help_text="Method, and what came of the last try.")
    carrier = models.CharField(max_length=200, blank=True)
    tracking = models.CharField(max_length=200, blank=True)
    delivery_name = models.CharField(max_length=200, blank=True)
    delivery_address = models.CharField(max_length=1_000, blank=True)
    received_by = models.CharField(max_length=200, blank=True, help_text="Who took the parcel in.")
    reason = models.CharField(max_length=200, blank=True, help_text="Why it was cancelled or credited.")
    created_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)
    shipped_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)
    returns_closed_at = models.DateTimeField(null=True, help_text="When the time to ask for a return was over.")
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name = "order"
        verbose_name_plural = "orders"
        default_permissions = ("view",)
        indexes = (
            # The list's order and its filter columns: a rare value is found without reading the rows in between.
            models.Index(
                fields=["-created_at", "-order_id", "status", "kind", "country", "currency", "total"],
                name="order_filters",
            ),
            models.Index(fields=["status", "-created_at"], name="order_by_status"),
            models.Index(fields=["payment_state", "-created_at"], name="order_by_payment_state"),
            models.Index(fields=["-created_at"], condition=~models.Q(review=""), name="order_to_review"),
            models.Index(
                fields=["-created_at"], condition=models.Q(returns_to_decide__gt=0), name="order_return_to_decide"
            ),
            # The console finds an order by any part of its number: it reads this index and no row.
            models.Index(fields=["reference", "order_id"], name="order_references"),
            models.Index(ShortId("order_id"), name="order_short_id"),
        )

    def __str__(self) -> str:
        return f"{self.reference}"


class OrderLine(ReadModel):
    """One line of an order or credit note: a product, freight, a discount or a tax."""

    identity = ("order_id", "line")

    class Kind(models.TextChoices):
        PRODUCT = "product", "Product"
        FREIGHT = "freight", "Freight"
        DISCOUNT = "discount", "Discount"
        TAX = "tax", "Tax"

    key = models.CharField(max_length=60, primary_key=True)
    order_id = models.UUIDField(db_index=True)
    line = models.IntegerField(help_text="Counted from 1.")
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.PRODUCT)
    sku = text_field(db_index=True)
    description = models.CharField(max_length=200, blank=True)
    quantity = models.BigIntegerField(default=0)
    price = money_field("Per piece; negative for a discount.")
    amount = money_field("Quantity times price.")
    currency = models.CharField(max_length=3)
    returned = models.BigIntegerField(default=0, help_text="Pieces of this line that came back.")
    damaged = models.BigIntegerField(default=0, help_text="Those of them that cannot be sold again.")
    refunded = money_field("What they cost.")

    class Meta:
        verbose_name = "order line"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.quantity} x {self.sku}"


class CustomerSummary(ReadModel):
    """Orders, payments and lifetime value of a customer, in one currency."""

    identity = ("customer_id", "currency")

    key = models.CharField(max_length=60, primary_key=True)
    customer_id = models.UUIDField(db_index=True)
    currency = models.CharField(max_length=3)
    orders = models.IntegerField(default=0, help_text="Orders placed.")
    paid_orders = models.IntegerField(default=0, help_text="Orders paid in full.")
    spent = money_field("Sum of payments.")
    refunded = money_field("Sum of refunds and credit notes.")
    lifetime_value = money_field("Payments less refunds and credit notes.", db_index=True)
    first_order_at = models.DateTimeField(null=True)
    last_order_at = models.DateTimeField(null=True, db_index=True)

    class Meta:
        verbose_name = "customer"
        verbose_name_plural = "customers"
        default_permissions = ("view",)
        indexes = (models.Index(ShortId("customer_id"), name="customer_short_id"),)

    def __str__(self) -> str:
        return f"Customer {str(self.customer_id)[-8:]}"


class DailySales(ReadModel):
    """Sales and refunds of one day of the shop (its local time), in one currency."""

    identity = ("day", "currency")

    key = models.CharField(max_length=20, primary_key=True)
    day = models.DateField(db_index=True)
    currency = models.CharField(max_length=3)
    orders = models.IntegerField(default=0, help_text="Orders of which this day's payment completed the total.")
    refunds = models.IntegerField(default=0, help_text="Refunds and credit notes of this day.")
    units_sold = models.BigIntegerField(default=0)
    units_returned = models.BigIntegerField(default=0)
    gross = money_field("Sum of payments.")
    refunded = money_field("Sum of refunds and credit notes.")
    net = money_field("Gross less refunded.")

    class Meta:
        verbose_name = "day of sales"
        verbose_name_plural = "daily sales"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.day} {self.currency}"


class ProductSales(ReadModel):
    """Sales and returns of one product, in one currency. The SKU is case-sensitive. Freight is no product."""

    identity = ("sku", "currency")

    key = models.CharField(max_length=210, primary_key=True)
    sku = text_field(db_index=True)
    currency = models.CharField(max_length=3)
    description = models.CharField(max_length=200, blank=True, help_text="As in the newest order that names one.")
    described_at = models.DateTimeField(null=True)
    units_sold = models.BigIntegerField(default=0)
    units_returned = models.BigIntegerField(default=0)
    units_net = models.BigIntegerField(default=0, db_index=True, help_text="Sold less returned.")
    gross = money_field("Sum of paid lines.")
    refunded = money_field("Sum of returned and credited lines.")
    net = money_field("Gross less refunded.", db_index=True)

    class Meta:
        verbose_name = "product"
        verbose_name_plural = "product sales"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.sku}"
