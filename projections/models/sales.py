"""Read models of orders, customers, days and products."""

from __future__ import annotations

from django.db import models

from eventshop.projections.read_model import ReadModel
from projections.models.fields import money_field, text_field


class OrderSummary(ReadModel):
    """The current state of an order."""

    personal = ("delivery_name", "delivery_address", "received_by")
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

    order_id = models.UUIDField(primary_key=True)
    reference = text_field(db_index=True, help_text="The number people call it by.")
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.ORDER)
    status = models.CharField(max_length=20, choices=Status.choices)
    customer_id = models.UUIDField(null=True, db_index=True, help_text="Empty for an anonymous sale.")
    country = models.CharField(max_length=200, blank=True)
    currency = models.CharField(max_length=3)
    total = money_field("What the lines cost together.")
    paid = money_field("What the customer has paid.")
    refunded = money_field("What went back to the customer.")
    lines = models.IntegerField(default=0, help_text="Number of lines.")
    units = models.BigIntegerField(default=0, help_text="Pieces ordered.")
    units_returned = models.BigIntegerField(default=0, help_text="Pieces that came back.")
    payment = models.CharField(max_length=200, blank=True, help_text="Method, and why the last try was declined.")
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
        )

    def __str__(self) -> str:
        return f"{self.reference}"


class OrderLine(ReadModel):
    """One line of an order or credit note."""

    identity = ("order_id", "line")

    key = models.CharField(max_length=60, primary_key=True)
    order_id = models.UUIDField(db_index=True)
    line = models.IntegerField(help_text="Counted from 1.")
    sku = text_field(db_index=True)
    description = models.CharField(max_length=200, blank=True)
    quantity = models.BigIntegerField(default=0)
    price = money_field("Per piece.")
    amount = money_field("Quantity times price.")
    currency = models.CharField(max_length=3)
    returned = models.BigIntegerField(default=0, help_text="Pieces of this line that came back.")
    refunded = money_field("What was paid back for them.")

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
    paid_orders = models.IntegerField(default=0, help_text="Orders paid.")
    spent = money_field("Sum of payments.")
    refunded = money_field("Sum of refunds and credit notes.")
    lifetime_value = money_field("Payments less refunds and credit notes.", db_index=True)
    first_order_at = models.DateTimeField(null=True)
    last_order_at = models.DateTimeField(null=True, db_index=True)

    class Meta:
        verbose_name = "customer"
        verbose_name_plural = "customers"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"Customer {str(self.customer_id)[-8:]}"


class DailySales(ReadModel):
    """Sales and refunds of one day of the shop (its local time), in one currency."""

    identity = ("day", "currency")

    key = models.CharField(max_length=20, primary_key=True)
    day = models.DateField(db_index=True)
    currency = models.CharField(max_length=3)
    orders = models.IntegerField(default=0, help_text="Orders paid this day.")
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
    """Sales and returns of one product, in one currency. The SKU is case-sensitive."""

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
