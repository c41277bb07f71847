"""URLs of the API's own resources, the API token page, the problem catalogue and the live updates."""

from __future__ import annotations

from django.urls import path

from eventshop.web.api import operations_urls, problem_catalogue, sandbox_clock, temporal_views
from eventshop.web.api.batch_views import Batches
from eventshop.web.api.command_status_view import CommandStatus
from eventshop.web.api.event_feed_views import Feed, StreamEvents
from eventshop.web.api.openapi_views import ApiDocs, asyncapi_document, openapi_document
from eventshop.web.api.root import Root
from eventshop.web.imports import views as import_views
from eventshop.web.live.views import follow
from eventshop.web.pages import developer_views, token_request_views, token_views
from eventshop.web.webhooks import views as webhooks

app_name = "web"
urlpatterns = [
    path("account/tokens/", token_views.tokens, name="tokens"),
    path("account/tokens/<int:token_id>/requests/", token_request_views.token_requests, name="token-requests"),
    path("account/tokens/<int:token_id>/revoke/", token_views.revoke_token, name="revoke-token"),
    path("developers/", developer_views.guide, name="developers"),
    path("developers/reference/", developer_views.reference, name="reference"),
    path("developers/reference/<slug:tag>/", developer_views.reference, name="reference-tag"),
    path("developers/<slug:name>/", developer_views.guide, name="guide"),
    path("problems/", problem_catalogue.problem_list, name="problems"),
    path("problems/<slug:code>", problem_catalogue.problem_page, name="problem"),
    path("live/<slug:name>/<uuid:key>/", follow, name="live"),
    path("api/v1/", Root.as_view(), name="root"),
    path("api/v1/openapi.json", openapi_document, name="openapi"),
    path("api/v1/asyncapi.json", asyncapi_document, name="asyncapi"),
    path("api/docs/", ApiDocs.as_view(), name="docs"),
    path("api/v1/batches", Batches.as_view(), name="batches"),
    path("api/v1/events", Feed.as_view(), name="events"),
    path("api/v1/commands/<uuid:command_id>", CommandStatus.as_view(), name="command"),
    path("api/v1/test-clock", sandbox_clock.Clock.as_view(), name="test-clock"),
    path("api/v1/imports", import_views.Imports.as_view(), name="imports"),
    path("api/v1/imports/<uuid:import_id>", import_views.Import.as_view(), name="import"),
    path(
        "api/v1/imports/<uuid:import_id>/cancellation",
        import_views.ImportCancellation.as_view(),
        name="import-cancellation",
    ),
    path("api/v1/webhooks", webhooks.Webhooks.as_view(), name="webhooks"),
    path("api/v1/webhooks/<uuid:webhook_id>", webhooks.Webhook.as_view(), name="webhook"),
    path("api/v1/webhooks/<uuid:webhook_id>/test", webhooks.WebhookTest.as_view(), name="webhook-test"),
    path("api/v1/webhooks/<uuid:webhook_id>/secret", webhooks.WebhookSecret.as_view(), name="webhook-secret"),
    path(
        "api/v1/webhooks/<uuid:webhook_id>/deliveries", webhooks.WebhookDeliveries.as_view(), name="webhook-deliveries"
    ),
    path(
        "api/v1/webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/resending",
        webhooks.WebhookResending.as_view(),
        name="webhook-resending",
    ),
    *operations_urls.urlpatterns,
    path("api/v1/streams/<uuid:aggregate_id>/events", StreamEvents.as_view(), name="stream-events"),
    path("api/v1/streams/<uuid:aggregate_id>/state", temporal_views.State.as_view(), name="stream-state"),
    path("api/v1/streams/<uuid:aggregate_id>/diff", temporal_views.Diff.as_view(), name="stream-diff"),
]
