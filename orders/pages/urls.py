"""The URL of the payment gateway's webhooks."""

from django.urls import path

from orders.payment_gateway.webhook_view import payment_webhook

urlpatterns = [path("payments/notices", payment_webhook, name="payment-notices")]
