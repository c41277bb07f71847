from django.apps import AppConfig


class TradingConfig(AppConfig):
    """Trades, accounts and positions."""

    name = "trading"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from eventshop.web.api import command_outcomes
        from eventshop.web.live import subscriptions
        from eventshop.web.pages import demo_registry as demos
        from trading.application.trade_timeline import trade_updates
        from trading.demo.trades import demo_commands
        from trading.domain.commands import SubmitTrade
        from trading.domain.events import TradeCancelled, TradeRejected, TradeSettled
        from trading.domain import account, audit_log, trade  # noqa: F401
        from trading.sagas import registration  # noqa: F401  (each registers its aggregate or saga)

        command_outcomes.register(
            SubmitTrade, success=[TradeSettled], failure=[TradeRejected, TradeCancelled], url_name="api-trade"
        )
        subscriptions.register(trade_updates)
        demos.register(demo_commands)
