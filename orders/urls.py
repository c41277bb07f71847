"""What each path of the orders leads to."""

from django.urls import path

from orders.gateway.endpoint import notice

urlpatterns = [path("payments/notices", notice, name="payment-notices")]
