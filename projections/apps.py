from django.apps import AppConfig


class ProjectionsConfig(AppConfig):
    name = "projections"
    verbose_name = "Read models"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from eventshop.ops import health
        from eventshop.store import snapshots
        from eventshop.web import consistency, navigation
        from eventshop.web.live import sources
        from orders import window
        from projections import catalogue, erasure  # noqa: F401  (registers every projection)
        from projections.engine import outgoing
        from projections.health import projections, publisher
        from projections.pages import followed, on_hand
        from projections.reached import reached
        from projections.trading_pages import accounts_of, last_price
        from trading import owners, prices

        erasure.register()
        snapshots.tells(outgoing.snapshot)
        health.register(projections)
        health.register(publisher)
        consistency.register(reached)
        window.register(on_hand)
        prices.register(last_price)
        owners.register(accounts_of)
        sources.register(followed)
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
