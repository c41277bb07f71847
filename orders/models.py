"""The price list, and the records of the payment gateway: payments and messages."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from secrets import randbits
from typing import Any, Self

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Now

from eventshop.core.currencies import CURRENCIES, smallest_payment
from eventshop.core.errors import InvalidMoney, UnknownCurrency
from eventshop.core.money import Money, check_payable, round_to_payable
from eventshop.projections.exact_columns import MoneyField
from orders.domain.vat import STANDARD_PERCENT


class Payment(models.Model):
    """A request to the gateway (charge, capture, void, refund) and its outcome, recorded before it is sent."""

    class Kind(models.TextChoices):
        CHARGE = "charge", "Charge"
        CAPTURE = "capture", "Capture"
        VOID = "void", "Void"
        REFUND = "refund", "Refund"

    class Status(models.TextChoices):
        ASKED = "asked", "Requested"
        PENDING = "pending", "Pending"
        AUTHORISED = "authorised", "Authorised"
        SUCCEEDED = "succeeded", "Succeeded"
        DECLINED = "declined", "Declined"

    key = models.UUIDField(
        primary_key=True, help_text="The idempotency key at the gateway: the same key always means the same payment."
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    order_id = models.UUIDField(null=True, help_text="The order of a charge.")
    payment_id = models.UUIDField(null=True, help_text="The order's own id of the payment, or of the refund.")
    charge = models.UUIDField(null=True, help_text="The charge that is captured, voided or refunded.")
    method = models.CharField(max_length=200, blank=True)
    token = models.CharField(max_length=64, blank=True, help_text="The card from the gateway's page.")
    captures = models.BooleanField(default=True, help_text="A charge that takes the money, not only sets it aside.")
    amount = models.BigIntegerField(help_text="In minor units of the currency (pennies).")
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ASKED)
    reason = models.CharField(max_length=200, blank=True, help_text="Why it was declined.")
    reference = models.CharField(max_length=200, blank=True, help_text="The gateway's own number for it.")
    trouble = models.CharField(max_length=200, blank=True, help_text="Why the outcome of the last request is unknown.")
    asked_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)
    processed_at = models.DateTimeField(null=True, help_text="When it ended by the gateway's clock.")

    class Meta:
        default_permissions = ("view",)
        indexes = (
            models.Index(fields=["order_id", "asked_at"], name="payment_of_order"),
            models.Index(fields=["charge"], name="payment_of_charge", condition=models.Q(charge__isnull=False)),
            models.Index(fields=["payment_id"], name="payment_of_id", condition=models.Q(payment_id__isnull=False)),
            models.Index(fields=["-asked_at"], name="payment_newest"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class GatewayMessage(models.Model):
    """A webhook that was accepted or refused, or a response that was refused. Equal messages are counted in one row."""

    class Verdict(models.TextChoices):
        ACCEPTED = "accepted", "Accepted"
        REFUSED = "refused", "Refused"

    class Source(models.TextChoices):
        NOTICE = "notice", "Webhook"
        ANSWER = "answer", "Response"

    source = models.CharField(max_length=10, choices=Source.choices)
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    code = models.CharField(max_length=50, blank=True, help_text="The error code of a refused message.")
    why = models.CharField(max_length=500, blank=True, help_text="The error message.")
    same_as = models.CharField(max_length=200, unique=True, help_text="Messages with the same value count as equal.")
    times = models.IntegerField(default=1, help_text="How often it was received.")
    first_at = models.DateTimeField(auto_now_add=True)
    last_at = models.DateTimeField()
    notice_id = models.CharField(max_length=100, blank=True)
    about = models.CharField(max_length=30, blank=True, help_text="The type of a webhook, such as charge.succeeded.")
    key = models.UUIDField(null=True, db_index=True, help_text="The key of the payment in it.")
    amount = models.BigIntegerField(null=True, help_text="The amount in it, in minor units.")
    currency = models.CharField(max_length=10, blank=True)
    body_hash = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the body.")
    begins = models.CharField(
        max_length=200, blank=True, help_text="The beginning of a body that could not be decoded."
    )

    class Meta:
        default_permissions = ("view",)
        indexes = (models.Index(fields=["-last_at"], name="gateway_message_newest"),)

    def __str__(self) -> str:
        return f"{self.source} {self.verdict} {self.code}".strip()


class ChangeMark(models.IntegerField):  # type: ignore[type-arg]  # not generic at run time
    """A random number that each `save` replaces, so that the sum of a table's marks changes with every row.

    Times would not do: of two transactions the one that commits last may have the earlier time.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"editable": False, "db_default": 0, **options})

    def pre_save(self, model_instance: models.Model, add: bool) -> int:
        mark = randbits(31)
        setattr(model_instance, self.attname, mark)
        return mark


class Category(models.Model):
    """A shelf of the shop."""

    slug = models.SlugField(primary_key=True, max_length=40, help_text="Its part of the address, such as kitchen.")
    name = models.CharField(max_length=60)
    about = models.CharField(max_length=200, blank=True)
    position = models.IntegerField(default=0, help_text="Shelves are shown in this order.")
    change_mark = ChangeMark()

    class Meta:
        verbose_name_plural = "categories"
        ordering = ("position", "name")

    def __str__(self) -> str:
        return self.name


class DeliveryOption(models.Model):
    """A way in which an order can be delivered, and its price. An order copies both, so this row may change later."""

    code = models.SlugField(primary_key=True, max_length=40)
    name = models.CharField(max_length=100)
    about = models.CharField(max_length=200, blank=True, help_text="How long it takes, and what it includes.")
    price = MoneyField(max_digits=15, decimal_places=3, validators=[MinValueValidator(Decimal(0))])
    currency = models.CharField(max_length=3, default="GBP", help_text="It is offered for orders in this currency.")
    free_from = MoneyField(
        max_digits=15, decimal_places=3, null=True, blank=True, help_text="Goods of this value are delivered free."
    )
    is_offered = models.BooleanField(default=True)
    position = models.IntegerField(default=0)

    class Meta:
        ordering = ("position", "name")

    def __str__(self) -> str:
        return self.name

    def price_for(self, goods: Money) -> Money:
        """What the delivery of goods of this value costs."""
        is_free = self.free_from is not None and goods.amount >= self.free_from
        return round_to_payable(Money(Decimal(0) if is_free else self.price, self.currency))


class Product(models.Model):
    """A product of the price list. An order copies name and price, so this row may change later."""

    sku = models.CharField("code", primary_key=True, max_length=100, validators=[RegexValidator(r"^[\w.:+-]+\Z")])
    name = models.CharField(max_length=200)
    description = models.TextField(max_length=2_000, blank=True)
    price = MoneyField(max_digits=15, decimal_places=3, validators=[MinValueValidator(Decimal(0))])
    currency = models.CharField(max_length=3, default="GBP", help_text="A currency of ISO 4217, such as GBP.")
    on_sale = models.BooleanField(default=True, help_text="Whether customers can see and order it.")
    category = models.ForeignKey(Category, on_delete=models.PROTECT, null=True, blank=True, related_name="products")
    picture = models.CharField(
        max_length=100, blank=True, db_default="", help_text="A static file of 320 x 240, such as products/KIT-101.svg."
    )
    picture_shows = models.CharField(
        max_length=200, blank=True, db_default="", help_text="What the picture shows, for people who do not see it."
    )
    vat_percent = models.DecimalField(
        "VAT in percent",
        max_digits=4,
        decimal_places=1,
        default=STANDARD_PERCENT,
        db_default=STANDARD_PERCENT,
        validators=[MinValueValidator(Decimal(0))],
        help_text="The price includes it.",
    )
    added_at = models.DateTimeField(db_default=Now(), editable=False)
    change_mark = ChangeMark()

    class Meta:
        ordering = ("name",)
        permissions = (
            ("receive_stock", "Can take pieces into stock"),
            ("write_off_stock", "Can write pieces off"),
        )
        indexes = (models.Index(fields=["on_sale", "name"], name="product_window"),)

    def __str__(self) -> str:
        return self.name

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any], **options: Any) -> Self:
        """Give the price the decimals of its currency: 12.50 GBP, 500 XOF."""
        product = super().from_db(db, field_names, values, **options)
        if {"price", "currency"} <= set(field_names) and product.currency in CURRENCIES:
            rounded = round_to_payable(product.money).amount
            if rounded == product.price:  # a price that was never checked may have a fraction that nobody can pay
                product.price = rounded
        return product

    def clean(self) -> None:
        """Refuse a currency that is none, and a price that cannot be paid to the last digit."""
        try:
            smallest_payment(self.currency)
        except UnknownCurrency as error:
            raise ValidationError({"currency": ValidationError(error.message, code=error.code)}) from error
        if isinstance(self.price, Decimal):  # its own validation found no error
            try:
                check_payable(self.money)
            except InvalidMoney as error:
                raise ValidationError({"price": ValidationError(error.message, code=error.code)}) from error

    @property
    def money(self) -> Money:
        return Money(self.price, self.currency)


class OrderPermission(models.Model):
    """No table: it carries the permissions to act on orders (`orders/permissions.py`)."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = (
            ("ship_order", "Can ship orders"),
            ("deliver_order", "Can mark orders delivered"),
            ("cancel_order", "Can cancel orders"),
            ("refund_order", "Can accept, decline and receive returns"),
            ("import_facts", "Can record what happened elsewhere"),
        )

    def __str__(self) -> str:
        return self._meta.label
