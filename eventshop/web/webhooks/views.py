"""The webhook resources: create, read, change and delete webhooks, read their deliveries and resend them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final
from uuid import UUID

import msgspec
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.urls import reverse
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import CommandIdReused, WrongExpectedVersion
from eventshop.core.message_registry import registry
from eventshop.eventstore.tail_reader import newest_position
from eventshop.operations.access_log.declarations import NotLogged
from eventshop.operations.rights import Audience, Rights
from eventshop.web.api import idempotency, request_parsing
from eventshop.web.api.base_view import VIEW_EVENTS, ApiView, require_login, require_permission
from eventshop.web.api.etag import etag, expected_version
from eventshop.web.api.event_feed_views import require_event_access
from eventshop.web.api.own_events import followed_person
from eventshop.web.api.pagination import KeysetPagination, PageOrder, invalid_parameter, refuse_unknown_parameters
from eventshop.web.models import ApiToken, WebhookDelivery, WebhookEndpoint
from eventshop.web.shared.errors import InvalidBody, NotAllowed, NotFound, TooManyWebhooks
from eventshop.web.webhooks import signing
from eventshop.web.webhooks.delivery import resend, send_test_event
from eventshop.web.webhooks.schemas import (
    CreatedWebhook,
    DeliveryPage,
    NewWebhook,
    SigningSecret,
    WebhookDetails,
    WebhookPage,
    WebhookUpdate,
    delivery_details,
    webhook_details,
)
from eventshop.web.webhooks.url_policy import resolve_target

SCOPES: Final = {"GET": "webhooks:read"} | dict.fromkeys(("POST", "PUT", "DELETE"), "webhooks:write")
#: A webhook sends no more than the token may read that made or changed it.
SENDING_SCOPES: Final = SCOPES | dict.fromkeys(("POST", "PUT"), "webhooks:write events:read")
#: The most webhooks of a customer.
MAX_OWN_WEBHOOKS: Final = 10
_VIEW: Final = "web.view_webhookendpoint"
_CHANGE: Final = "web.change_webhookendpoint"


class WebhookView(ApiView):
    """Base class of the webhook views."""

    access = NotLogged("addresses and deliveries of webhooks")
    scopes: ClassVar[dict[str, str]] = SCOPES
    idempotency_key_methods: ClassVar[tuple[str, ...]] = ()

    def get_webhook(self, request: Request, webhook_id: UUID, permission: str) -> WebhookEndpoint:
        """The webhook, for its owner or for staff with the permission; raises `NotFound` or `NotAllowed`."""
        return self._require_access(request, WebhookEndpoint.objects.filter(pk=webhook_id), permission)

    def lock_webhook(self, request: Request, webhook_id: UUID, permission: str) -> WebhookEndpoint:
        """As `get_webhook`, locked until the transaction ends and compared with `If-Match`.

        Raises `WrongExpectedVersion` if the version is another one.
        """
        rows, expected = WebhookEndpoint.objects.filter(pk=webhook_id), expected_version(request)
        webhook = self._require_access(request, rows.select_for_update(of=("self",)), permission)
        if expected not in (None, webhook.version):
            raise WrongExpectedVersion(expected_version=expected, version=webhook.version)
        return webhook

    def _require_access(self, request: Request, rows: QuerySet[WebhookEndpoint], permission: str) -> WebhookEndpoint:
        login, webhook = require_login(request), rows.select_related("owner").first()
        if webhook is None or not (webhook.owner == login or login.has_perm(_VIEW)):
            raise NotFound
        if webhook.owner != login and not login.has_perm(permission):
            raise NotAllowed
        return webhook


class Webhooks(WebhookView):
    """Your webhooks; staff with the permission see everybody's."""

    scopes = SENDING_SCOPES
    rights: ClassVar[Mapping[str, Rights]] = {
        "GET": Rights(Audience.CUSTOMERS, (f"{_VIEW}|{VIEW_EVENTS}",)),
        "POST": Rights(
            Audience.CUSTOMERS,
            (
                VIEW_EVENTS,
                "web.add_webhookendpoint",
            ),
        ),
    }
    body: ClassVar[type[Struct]] = NewWebhook
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"GET": WebhookPage, "POST": CreatedWebhook}
    parameters: ClassVar[tuple[str, ...]] = ("limit", "cursor")
    idempotency_key_methods = ("POST",)
    status = 201
    needs_version = False

    def get(self, request: Request) -> Response:
        """List webhooks."""
        refuse_unknown_parameters(request, self.parameters)
        login, rows = require_login(request), WebhookEndpoint.objects.select_related("owner")
        if not login.has_perm(_VIEW):
            followed_person(login)
            rows = rows.filter(owner=login)
        order = PageOrder("made_at", ("made_at",))
        return paginate(request, rows, order, lambda webhook: msgspec.to_builtins(webhook_details(webhook)))

    def post(self, request: Request) -> Response:
        """Create a webhook. It sends the events that you may read, from now on. The secret is shown this once.

        Customers get their own events. A token needs the scope to read events as well: a webhook sends no more than its
        token may read.
        """
        person = followed_person(require_login(request))
        if person is None:
            require_permission(request, "web.add_webhookendpoint")
        command_id = idempotency.command_id_from(request)
        body = request_parsing.parse_body(request, NewWebhook)
        _check_subscription(body.url, body.types)
        webhook, is_new = _create_webhook(derive_id("api-webhook", command_id), request, body, person)
        secret = signing.signing_secret(webhook) if is_new else None
        response = _webhook_response(webhook, status=201, secret=secret)
        response["Location"] = request.build_absolute_uri(reverse("web:webhook", args=[webhook.pk]))
        if not is_new:
            response["Idempotency-Replayed"] = "true"
        return response


class Webhook(WebhookView):
    """One webhook."""

    scopes = SENDING_SCOPES
    rights: ClassVar[Mapping[str, Rights]] = {
        "GET": Rights(Audience.NOBODY, (_VIEW,)),
        "PUT": Rights(
            Audience.NOBODY,
            (
                _VIEW,
                _CHANGE,
                VIEW_EVENTS,
            ),
        ),
        "DELETE": Rights(
            Audience.NOBODY,
            (
                _VIEW,
                "web.delete_webhookendpoint",
            ),
        ),
    }
    body: ClassVar[type[Struct]] = WebhookUpdate
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {
        "GET": WebhookDetails,
        "PUT": WebhookDetails,
        "DELETE": None,
    }

    def get(self, request: Request, webhook_id: UUID) -> Response:
        """Read the webhook."""
        refuse_unknown_parameters(request, ())
        return _webhook_response(self.get_webhook(request, webhook_id, _VIEW))

    def put(self, request: Request, webhook_id: UUID) -> Response:
        """Change the webhook, or switch it on or off. From then on it sends what you may read, too, and no more."""
        body = request_parsing.parse_body(request, WebhookUpdate)
        # Checked first: only an authorised caller may trigger a DNS lookup.
        if self.get_webhook(request, webhook_id, _CHANGE).person is None:
            require_event_access(request)
        _check_subscription(body.url, body.types)
        with transaction.atomic():
            endpoint = self.lock_webhook(request, webhook_id, _CHANGE)
            endpoint.url, endpoint.types, endpoint.active = body.url, " ".join(body.types), body.active
            endpoint.version += 1
            endpoint.changed_by, endpoint.token = require_login(request), _token_of(request)
            endpoint.save(update_fields=["url", "types", "active", "version", "changed_by", "token"])
        return _webhook_response(endpoint)

    def delete(self, request: Request, webhook_id: UUID) -> Response:
        """Delete the webhook and its deliveries."""
        with transaction.atomic():
            self.lock_webhook(request, webhook_id, "web.delete_webhookendpoint").delete()
        return Response(status=204)


class WebhookSecret(WebhookView):
    """The signing secret of a webhook."""

    rights: ClassVar[Mapping[str, Rights]] = {
        "POST": Rights(
            Audience.NOBODY,
            (
                _VIEW,
                _CHANGE,
            ),
        )
    }
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"POST": SigningSecret}

    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Make a new secret, which is shown this once. For one day messages are also signed with the previous one."""
        with transaction.atomic():
            endpoint = self.lock_webhook(request, webhook_id, _CHANGE)
            signing.rotate_secret(endpoint)
        response = Response(msgspec.to_builtins(SigningSecret(signing.signing_secret(endpoint), endpoint.former_until)))
        response["ETag"] = etag(endpoint.version)
        return response


class WebhookDeliveries(WebhookView):
    """The deliveries of a webhook, with their attempts."""

    rights: ClassVar[Mapping[str, Rights]] = {
        "GET": Rights(
            Audience.NOBODY,
            (
                _VIEW,
                "web.view_webhookdelivery",
            ),
        )
    }
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"GET": DeliveryPage}
    parameters: ClassVar[tuple[str, ...]] = ("state", "limit", "cursor")

    def get(self, request: Request, webhook_id: UUID) -> Response:
        """List deliveries, newest first."""
        refuse_unknown_parameters(request, self.parameters)
        endpoint = self.get_webhook(request, webhook_id, "web.view_webhookdelivery")
        rows = WebhookDelivery.objects.filter(endpoint=endpoint).prefetch_related("attempts")
        if state := request.query_params.get("state"):
            if state not in WebhookDelivery.State.values:
                raise invalid_parameter("state", f"must be one of {', '.join(WebhookDelivery.State.values)}")
            rows = rows.filter(state=state)
        order = PageOrder("-position", ("position",))
        return paginate(request, rows, order, lambda delivery: msgspec.to_builtins(delivery_details(delivery)))


class WebhookResending(WebhookView):
    """Resends a delivery."""

    rights: ClassVar[Mapping[str, Rights]] = {
        "POST": Rights(
            Audience.NOBODY,
            (
                _VIEW,
                "web.resend_webhookdelivery",
            ),
        )
    }
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"POST": None}
    status = 202
    needs_version = False

    def post(self, request: Request, webhook_id: UUID, delivery_id: UUID) -> Response:
        """Send the event again, whether it was delivered or has failed. The result appears in the deliveries."""
        endpoint = self.get_webhook(request, webhook_id, "web.resend_webhookdelivery")
        delivery = WebhookDelivery.objects.filter(endpoint=endpoint, pk=delivery_id).first()
        if delivery is None:
            raise NotFound
        resend(delivery)
        location = reverse("web:webhook-deliveries", args=[webhook_id])
        return Response(status=202, headers={"Location": request.build_absolute_uri(location)})


class WebhookTest(WebhookView):
    """Sends a test event."""

    rights: ClassVar[Mapping[str, Rights]] = {"POST": Rights(Audience.NOBODY, (_VIEW, _CHANGE))}
    response_schemas: ClassVar[dict[str, type[Struct] | None]] = {"POST": None}
    status = 202
    needs_version = False

    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Send an event of the type `TestEvent`, signed as any other. The result appears in the deliveries."""
        send_test_event(self.get_webhook(request, webhook_id, _CHANGE))
        location = reverse("web:webhook-deliveries", args=[webhook_id])
        return Response(status=202, headers={"Location": request.build_absolute_uri(location)})


def paginate(request: Request, rows: QuerySet[Any], order: PageOrder, serialize: Any) -> Response:
    pagination = KeysetPagination()
    page = pagination.paginate_queryset(rows, request, order)
    return pagination.get_paginated_response([serialize(row) for row in page])


def _check_subscription(url: str, types: tuple[str, ...]) -> None:
    try:
        resolve_target(url)
    except (OSError, UnicodeError) as error:
        raise InvalidBody(locations=[{"pointer": "/url", "detail": "this host name cannot be resolved"}]) from error
    unknown_indexes = [index for index, event_type in enumerate(types) if event_type not in registry.events]
    if unknown_indexes:
        locations = [{"pointer": f"/types/{index}", "detail": "unknown event type"} for index in unknown_indexes]
        names = ", ".join(types[index] for index in unknown_indexes)
        raise InvalidBody(f"Unknown event types: {names}", locations=locations)


def _create_webhook(
    webhook_id: UUID, request: Request, body: NewWebhook, person: UUID | None
) -> tuple[WebhookEndpoint, bool]:
    """Create the webhook once per idempotency key; returns it and whether it is new.

    Raises `CommandIdReused`, and `TooManyWebhooks` for a customer who has enough.
    """
    own = WebhookEndpoint.objects.filter(owner=require_login(request)).exclude(pk=webhook_id)
    if person is not None and own.count() >= MAX_OWN_WEBHOOKS:
        raise TooManyWebhooks
    types = " ".join(body.types)
    webhook = WebhookEndpoint(
        id=webhook_id,
        owner=require_login(request),
        token=_token_of(request),
        person=person,
        url=body.url,
        types=types,
        cursor=newest_position(),
    )
    try:
        with transaction.atomic():
            webhook.save(force_insert=True)
    except IntegrityError:
        existing = WebhookEndpoint.objects.select_related("owner").filter(pk=webhook_id).first()
        if existing is None:
            raise
        # After a change the original values are gone, so the retry cannot be compared with them.
        if existing.version == 1 and (existing.url, existing.types) != (body.url, types):
            raise CommandIdReused from None
        return existing, False
    return webhook, True


def _token_of(request: Request) -> ApiToken | None:
    return request.auth if isinstance(request.auth, ApiToken) else None


def _webhook_response(endpoint: WebhookEndpoint, *, status: int = 200, **shown_once: str | None) -> Response:
    response = Response(msgspec.to_builtins(webhook_details(endpoint)) | shown_once, status=status)
    response["ETag"] = etag(endpoint.version)
    return response
