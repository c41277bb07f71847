from django.apps import AppConfig


class ProjectionsConfig(AppConfig):
    name = "projections"
    verbose_name = "Read models"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from eventshop.eventstore.snapshots import repository
        from eventshop.operations import health_checks
        from eventshop.projections import outbox
        from eventshop.web.live import subscriptions
        from eventshop.web.pages import navigation
        from eventshop.web.shared import read_your_writes
        from orders.application import stock_level_port
        from projections import erasure_handlers, registry  # noqa: F401  (registers every projection)
        from projections.health import projections, publisher
        from projections.pages.order_views import followed, on_hand
        from projections.pages.trading_views import accounts_of, last_price
        from projections.read_your_writes import reached
        from trading.application import account_owner_port, last_price_port

        erasure_handlers.register()
        repository.tells(outbox.snapshot)
        health_checks.register(projections)
        health_checks.register(publisher)
        read_your_writes.register(reached)
        stock_level_port.register(on_hand)
        last_price_port.register(last_price)
        account_owner_port.register(accounts_of)
        subscriptions.register(followed)
        navigation.register(
            "My orders",
            "projections:my-orders",
            order=20,
            about="How they stand, their invoices, returns.",
            shown=navigation.signed_in,
        )
        navigation.register(
            "Trading",
            "projections:blotter",
            order=25,
            about="Your trades, positions and limits.",
            shown=navigation.signed_in,
        )
