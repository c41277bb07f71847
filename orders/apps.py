from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from eventshop.ops import health
        from eventshop.web import demo, navigation, outcomes
        from eventshop.web.live import sources
        from orders import order, paying, stock_item  # noqa: F401  (each registers its aggregate or saga)
        from orders.commands import CreateOrder, RequestPayment
        from orders.customer_story import followed
        from orders.demo_customer import orders
        from orders.events import OrderCancelled, OrderShipped, PaymentDeclined, PaymentProcessed
        from orders.gateway.health import payments

        health.register(payments)
        sources.register(followed)
        demo.register_for_the_customer(orders)
        outcomes.register(CreateOrder, well=[OrderShipped], badly=[OrderCancelled], at="api-order")
        outcomes.register(
            RequestPayment, well=[PaymentProcessed], badly=[PaymentDeclined, OrderCancelled], at="api-order"
        )
        navigation.register("Shop", "orders:catalogue", order=10, about="Things for kitchen, house and garden.")
        navigation.register("Basket", "orders:basket", order=15, about="What you have chosen so far.")
