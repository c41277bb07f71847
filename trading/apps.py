from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class TradingConfig(AppConfig):
    """Trades, accounts and positions. What it adds to EventShop stands in `eventshop_plugin.py`."""

    name = "trading"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        post_migrate.connect(_fill_instruments, sender=self)


def _fill_instruments(*, using: str, plan: Any = (), **_: Any) -> None:
    from django.db import connections

    from trading.application.first_instruments import add_first_instruments
    from trading.models import InstrumentVersion

    # A migration to an earlier state leaves no table.
    if using == "default" and InstrumentVersion._meta.db_table in connections[using].introspection.table_names():
        add_first_instruments()
