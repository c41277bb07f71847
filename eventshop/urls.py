"""What each path leads to."""

from django.contrib import admin
from django.urls import include, path

from eventshop.ops import health
from eventshop.ops.status_page import status
from eventshop.web.start import start

handler400 = "eventshop.web.failures.bad_request"
handler403 = "eventshop.web.failures.forbidden"
handler404 = "eventshop.web.failures.not_found"
handler500 = "eventshop.web.failures.server_error"

urlpatterns = [
    # First what is asked most.
    path("api/v1/", include("orders.api_urls")),
    path("api/v1/", include("users.api_urls")),
    path("api/v1/", include("trading.api_urls")),
    path("api/v1/", include("projections.api_urls")),
    path("", start, name="home"),
    path("", include("users.urls")),
    path("", include("orders.customer_urls")),
    path("", include("trading.urls")),
    path("", include("projections.urls")),
    path("", include("eventshop.web.urls")),
    path("admin/", admin.site.urls),
    path("status/", status, name="status"),
    path("", include("orders.urls")),
    path("healthz", health.live, name="healthz"),
    path("readyz", health.ready, name="readyz"),
]
