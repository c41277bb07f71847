"""Django models of the app; its aggregates live in the event store."""

from __future__ import annotations

from django.db import models


class TradePermission(models.Model):
    """No table: it carries the permissions to act on trades and accounts (`trading/permissions.py`)."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = (
            ("submit_trade", "Can submit trades for any account"),
            ("fill_trade", "Can report fills"),
            ("reject_trade", "Can reject trades"),
            ("cancel_trade", "Can cancel anybody's trades"),
            ("correct_trade", "Can correct fills and declare them void"),
            ("settle_trade", "Can settle trades, hold their settlement back and let it go on"),
            ("open_account", "Can open trading accounts"),
            ("set_limit", "Can set the limits of trading accounts"),
        )

    def __str__(self) -> str:
        return self._meta.label
