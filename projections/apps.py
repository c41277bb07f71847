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
        from projections import erasure_handlers, registry  # noqa: F401  (registers all projections)
        from projections.health import check_projections, check_publisher
        from projections.pages.order_views import order_updates, stock_on_hand
        from projections.pages.trading_views import account_ids, last_price
        from projections.read_your_writes import has_processed
        from trading.application import account_owner_port, last_price_port

        erasure_handlers.register()
        repository.add_snapshot_listener(outbox.add_snapshot)
        health_checks.register(check_projections)
        health_checks.register(check_publisher)
        read_your_writes.register(has_processed)
        stock_level_port.register(stock_on_hand)
        last_price_port.register(last_price)
        account_owner_port.register(account_ids)
        subscriptions.register(order_updates)
        navigation.register(
            "My orders",
            "projections:my-orders",
            order=20,
            about="Their status, invoices and returns.",
            visible_to=navigation.signed_in_users,
        )
        navigation.register(
            "Trading",
            "projections:blotter",
            order=25,
            about="Your trades, positions and limits.",
            visible_to=navigation.signed_in_users,
        )
