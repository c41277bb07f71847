"""The identifiers that other systems use."""

from __future__ import annotations

from django.db import models

from eventshop.projections.read_model import ReadModel
from projections.models.fields import text_field


class ExternalId(ReadModel):
    """What another system calls an order, a customer or a product: a marketplace's order number, a customer number.

    A customer's number is personal: the key does not contain it, and an erasure deletes the row.
    """

    identity = ("kind", "source", "subject_id", "value")
    personal = dict.fromkeys(("value", "search_value"), "contact")
    subjects = ("customer_id",)
    deleted_when_erased = True

    class Kind(models.TextChoices):
        ORDER = "order", "Order"
        CUSTOMER = "customer", "Customer"
        PRODUCT = "product", "Product"

    key = models.CharField(max_length=340, primary_key=True)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    source = models.CharField(max_length=40, help_text="The other system.")
    subject_id = text_field(db_index=True, help_text="The id of the order or customer, or the product's code.")
    value = text_field(blank=True, help_text="As the other system writes it.")
    search_value = text_field(blank=True, help_text="The same in lower case.")
    customer_id = models.UUIDField(null=True, db_index=True, help_text="The customer, if it is theirs.")
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name = "external id"
        default_permissions = ("view",)
        indexes = (models.Index(fields=["search_value", "kind", "source"], name="external_id_search"),)

    def __str__(self) -> str:
        return f"{self.source}:{self.value}"
