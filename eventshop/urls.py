"""The root URL configuration."""

from django.contrib import admin
from django.urls import include, path

from eventshop.operations import health_checks
from eventshop.operations.status_view import status
from eventshop.web.pages.home_view import home

handler400 = "eventshop.web.api.exception_handler.bad_request"
handler403 = "eventshop.web.api.exception_handler.forbidden"
handler404 = "eventshop.web.api.exception_handler.not_found"
handler500 = "eventshop.web.api.exception_handler.server_error"

urlpatterns = [
    # The most frequently requested paths come first.
    path("api/v1/", include("orders.api.urls")),
    path("api/v1/", include("users.api.urls")),
    path("api/v1/", include("trading.api.urls")),
    path("api/v1/", include("projections.api.urls")),
    path("", home, name="home"),
    path("", include("users.pages.urls")),
    path("", include("orders.pages.shop_urls")),
    path("", include("trading.pages.urls")),
    path("", include("projections.pages.urls")),
    path("", include("eventshop.web.urls")),
    path("admin/", admin.site.urls),
    path("status/", status, name="status"),
    path("", include("orders.pages.urls")),
    path("healthz", health_checks.live, name="healthz"),
    path("readyz", health_checks.ready, name="readyz"),
]
