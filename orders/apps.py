from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from eventshop.operations import health_checks
        from eventshop.web.api import command_outcomes
        from eventshop.web.live import subscriptions
        from eventshop.web.pages import demo_registry, navigation
        from orders.application.order_timeline import followed
        from orders.demo.customer import orders
        from orders.domain.commands import CreateOrder, RequestPayment
        from orders.domain.events import OrderCancelled, OrderShipped, PaymentDeclined, PaymentProcessed
        from orders.payment_gateway.health import payments
        from orders.sagas import payment_effects  # noqa: F401  (each registers its aggregate or saga)

        health_checks.register(payments)
        subscriptions.register(followed)
        demo_registry.register_for_the_customer(orders)
        command_outcomes.register(CreateOrder, well=[OrderShipped], badly=[OrderCancelled], at="api-order")
        command_outcomes.register(
            RequestPayment, well=[PaymentProcessed], badly=[PaymentDeclined, OrderCancelled], at="api-order"
        )
        navigation.register("Shop", "orders:catalogue", order=10, about="Things for kitchen, house and garden.")
        navigation.register("Basket", "orders:basket", order=15, about="What you have chosen so far.")
