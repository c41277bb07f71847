"""URL paths of the project: the library's own, and those that the plug-ins name."""

from django.contrib import admin
from django.urls import include, path

from eventshop.operations import health_checks
from eventshop.operations.metrics.metrics_view import show_metrics
from eventshop.operations.rights import Audience, open_to
from eventshop.operations.status_view import status
from eventshop.plugins.loading import loaded_plugins
from eventshop.web.pages.home_view import home

handler400 = "eventshop.web.api.exception_handler.bad_request"
handler403 = "eventshop.web.api.exception_handler.forbidden"
handler404 = "eventshop.web.api.exception_handler.not_found"
handler500 = "eventshop.web.api.exception_handler.server_error"

_plugins = [loaded.plugin for loaded in loaded_plugins()]

urlpatterns = [
    # The API comes first: it gets the most requests.
    *(path("api/v1/", include(module)) for plugin in _plugins for module in plugin.api_urls),
    path("", next((view for plugin in _plugins for view in plugin.start_page), home), name="home"),
    *(path("", include(module)) for plugin in _plugins for module in plugin.page_urls),
    path("", include("eventshop.web.urls")),
    path("admin/", admin.site.urls),
    path("status/", open_to(Audience.EVERYBODY)(status), name="status"),
    path("healthz", open_to(Audience.EVERYBODY)(health_checks.live), name="healthz"),
    path("readyz", open_to(Audience.EVERYBODY)(health_checks.ready), name="readyz"),
    path("metrics", open_to(Audience.METRICS)(show_metrics), name="metrics"),
]
