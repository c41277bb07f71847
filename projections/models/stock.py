"""Read model of the warehouse."""

from __future__ import annotations

from django.db import models

from eventshop.projections.read_model import ReadModel
from projections.models.fields import text_field


class StockLevel(ReadModel):
    """Stock of one product: pieces on hand, reserved, dispatched and written off. The SKU is case-sensitive."""

    sku = text_field(primary_key=True)
    stock_item_id = models.UUIDField(help_text="Its stream.")
    received = models.BigIntegerField(default=0, help_text="Pieces that ever came in, returns included.")
    on_hand = models.BigIntegerField(default=0, db_index=True, help_text="Pieces that can be sold now.")
    reserved = models.BigIntegerField(default=0, help_text="Pieces set aside for orders.")
    dispatched = models.BigIntegerField(default=0, help_text="Pieces sent to customers.")
    written_off = models.BigIntegerField(default=0, help_text="Pieces lost, broken or missing.")
    uncounted = models.BigIntegerField(default=0, help_text="Of those: lost before the first delivery was counted.")
    refusals = models.IntegerField(default=0, help_text="How often there was not enough for an order.")
    refused_at = models.DateTimeField(null=True, help_text="When that was last so.")
    received_at = models.DateTimeField(null=True, help_text="When pieces last came in.")
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name = "stock level"
        default_permissions = ("view",)
        indexes = (models.Index(fields=["-updated_at"], name="stock_newest"),)

    def __str__(self) -> str:
        return f"{self.sku}"

    @property
    def counted(self) -> bool:
        """Whether the stock was ever received, so that the quantity on hand is known."""
        return self.received > 0
