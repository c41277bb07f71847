"""What each path of the orders leads to."""

from django.urls import path

from orders.payment_gateway.webhook_view import notice

urlpatterns = [path("payments/notices", notice, name="payment-notices")]
