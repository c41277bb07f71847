from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from eventshop.operations import health_checks
        from eventshop.web.api import command_outcomes
        from eventshop.web.live import subscriptions
        from eventshop.web.pages import demo_registry, navigation
        from orders.application.order_timeline import order_updates
        from orders.demo.customer import demo_customer_commands
        from orders.domain import order, stock_item  # noqa: F401
        from orders.domain.commands import CreateOrder, RequestPayment
        from orders.domain.events import OrderCancelled, OrderShipped, PaymentDeclined, PaymentProcessed
        from orders.payment_gateway.health import check_payments
        from orders.sagas import payment_effects  # noqa: F401  (each registers its aggregate or saga)

        health_checks.register(check_payments)
        subscriptions.register(order_updates)
        demo_registry.register_customer_demo(demo_customer_commands)
        command_outcomes.register(CreateOrder, success=[OrderShipped], failure=[OrderCancelled], url_name="api-order")
        command_outcomes.register(
            RequestPayment, success=[PaymentProcessed], failure=[PaymentDeclined, OrderCancelled], url_name="api-order"
        )
        navigation.register("Shop", "orders:catalogue", order=10, about="Products for kitchen, house and garden.")
        navigation.register("Basket", "orders:basket", order=15, about="What you have put into your basket.")
