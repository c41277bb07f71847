from django.apps import AppConfig


class TradingConfig(AppConfig):
    """Trades, accounts and positions."""

    name = "trading"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from eventshop.web import demo as demos
        from eventshop.web import outcomes
        from eventshop.web.live import sources
        from trading import account, audit_log, settling, trade  # noqa: F401  (each registers its aggregate or saga)
        from trading.commands import SubmitTrade
        from trading.demo import demo
        from trading.desk import followed
        from trading.events import TradeCancelled, TradeRejected, TradeSettled

        outcomes.register(SubmitTrade, well=[TradeSettled], badly=[TradeRejected, TradeCancelled], at="api-trade")
        sources.register(followed)
        demos.register(demo)
