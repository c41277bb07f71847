"""What each path leads to."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Say that this process answers; without the database, whose outage a restart would not heal."""
    return HttpResponse("ok\n", content_type="text/plain")


urlpatterns = [
    path("", RedirectView.as_view(url="/admin/"), name="home"),
    path("admin/", admin.site.urls),
    path("healthz", healthz, name="healthz"),
]
