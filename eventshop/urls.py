"""What each path leads to."""

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from eventshop.ops import health

handler500 = "eventshop.web.failures.server_error"

urlpatterns = [
    path("", RedirectView.as_view(url="/admin/"), name="home"),
    path("admin/", admin.site.urls),
    path("healthz", health.live, name="healthz"),
    path("readyz", health.ready, name="readyz"),
]
