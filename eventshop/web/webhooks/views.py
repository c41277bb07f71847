"""Webhooks as resources: their owner makes, changes and removes them, sees each attempt, and has it made again."""

from __future__ import annotations

from typing import Any, ClassVar, Final, NamedTuple
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
from eventshop.web.api import idempotency, request_parsing
from eventshop.web.api.base_view import ApiView, require_permission, require_login
from eventshop.web.api.etag import etag, expected_version
from eventshop.web.api.event_feed_views import require_event_access
from eventshop.web.api.pagination import KeysetPagination, refuse_unknown_parameters, invalid_parameter
from eventshop.web.models import WebhookDelivery, WebhookEndpoint
from eventshop.web.shared.errors import InvalidBody, NotAllowed, NotFound
from eventshop.web.webhooks import signing_secrets
from eventshop.web.webhooks.delivery import resend
from eventshop.web.webhooks.schemas import (
    WebhookUpdate,
    DeliveryPage,
    NewWebhook,
    WebhookDetails,
    SigningSecret,
    WebhookPage,
    webhook_details,
    delivery_details,
)
from eventshop.web.webhooks.url_policy import resolve_target

SCOPES: Final = {"GET": "webhooks:read"} | dict.fromkeys(("POST", "PUT", "DELETE"), "webhooks:write")


class PageOrder(NamedTuple):
    """What pages are cut by."""

    ordering: str
    orderings: tuple[str, ...]


class WebhookView(ApiView):
    """Something of one webhook."""

    scopes: ClassVar[dict[str, str]] = SCOPES
    idempotency_key_methods: ClassVar[tuple[str, ...]] = ()

    def get_webhook(self, request: Request, webhook_id: UUID, permission: str) -> WebhookEndpoint:
        """The caller's own webhook, or anybody's for staff with the permission; whoever may not see it: `NotFound`."""
        return self._require_access(request, WebhookEndpoint.objects.filter(pk=webhook_id), permission)

    def lock_webhook(self, request: Request, webhook_id: UUID, permission: str) -> WebhookEndpoint:
        """As `own`, to be changed: nobody else changes it until the transaction ends. Raises `WrongExpectedVersion`."""
        rows, expected = WebhookEndpoint.objects.filter(pk=webhook_id), expected_version(request)
        webhook = self._require_access(request, rows.select_for_update(of=("self",)), permission)
        if expected not in (None, webhook.version):
            raise WrongExpectedVersion(expected_version=expected, version=webhook.version)
        return webhook

    def _require_access(self, request: Request, rows: QuerySet[WebhookEndpoint], permission: str) -> WebhookEndpoint:
        login, webhook = require_login(request), rows.select_related("owner").first()
        if webhook is None or not (webhook.owner == login or login.has_perm("web.view_webhookendpoint")):
            raise NotFound
        if webhook.owner != login and not login.has_perm(permission):
            raise NotAllowed
        return webhook


class Webhooks(WebhookView):
    """Webhooks: one's own; for staff who may see webhooks everybody's."""

    body: ClassVar[type[Struct]] = NewWebhook
    answers: ClassVar[dict[str, type[Struct] | None]] = {"GET": WebhookPage, "POST": WebhookDetails}
    parameters: ClassVar[tuple[str, ...]] = ("limit", "cursor")
    idempotency_key_methods = ("POST",)
    status = 201
    needs_version = False

    def get(self, request: Request) -> Response:
        """List them."""
        refuse_unknown_parameters(request, self.parameters)
        login, rows = require_login(request), WebhookEndpoint.objects.select_related("owner")
        if not login.has_perm("web.view_webhookendpoint"):
            require_event_access(request)
            rows = rows.filter(owner=login)
        return paginate(request, rows, PageOrder("made_at", ("made_at",)), lambda it: msgspec.to_builtins(webhook_details(it)))

    def post(self, request: Request) -> Response:
        """Be told of what happens from now on, as far as you may read events."""
        require_event_access(request)
        require_permission(request, "web.add_webhookendpoint")
        command_id = idempotency.command_id_from(request)
        body = request_parsing.parse_body(request, NewWebhook)
        _check_subscription(body.url, body.types)
        webhook, is_new = _create_webhook(derive_id("api-webhook", command_id), request, body)
        response = _webhook_response(webhook, status=201)
        response["Location"] = request.build_absolute_uri(reverse("web:webhook", args=[webhook.pk]))
        if not is_new:
            response["Idempotency-Replayed"] = "true"
        return response


class Webhook(WebhookView):
    """One webhook."""

    body: ClassVar[type[Struct]] = WebhookUpdate
    answers: ClassVar[dict[str, type[Struct] | None]] = {"GET": WebhookDetails, "PUT": WebhookDetails, "DELETE": None}

    def get(self, request: Request, webhook_id: UUID) -> Response:
        """See it."""
        return _webhook_response(self.get_webhook(request, webhook_id, "web.view_webhookendpoint"))

    def put(self, request: Request, webhook_id: UUID) -> Response:
        """Change it, or switch it off and on."""
        body = request_parsing.parse_body(request, WebhookUpdate)
        self.get_webhook(request, webhook_id, "web.change_webhookendpoint")  # or names would be looked up for anybody
        _check_subscription(body.url, body.types)
        with transaction.atomic():
            endpoint = self.lock_webhook(request, webhook_id, "web.change_webhookendpoint")
            endpoint.url, endpoint.types, endpoint.active = body.url, " ".join(body.types), body.active
            endpoint.version += 1
            endpoint.save(update_fields=["url", "types", "active", "version"])
        return _webhook_response(endpoint)

    def delete(self, request: Request, webhook_id: UUID) -> Response:
        """Remove it, and what is kept of its messages."""
        with transaction.atomic():
            self.lock_webhook(request, webhook_id, "web.delete_webhookendpoint").delete()
        return Response(status=204)


class WebhookSecret(WebhookView):
    """The secret that a webhook's messages are signed with."""

    answers: ClassVar[dict[str, type[Struct] | None]] = {"GET": SigningSecret, "POST": SigningSecret}

    def get(self, request: Request, webhook_id: UUID) -> Response:
        """See it."""
        return _secret_response(self.get_webhook(request, webhook_id, "web.change_webhookendpoint"))

    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Have a new one. For a day the former one signs too."""
        with transaction.atomic():
            endpoint = self.lock_webhook(request, webhook_id, "web.change_webhookendpoint")
            signing_secrets.rotate_secret(endpoint)
        return _secret_response(endpoint)


class WebhookDeliveries(WebhookView):
    """What a webhook was told, and each attempt to tell it."""

    answers: ClassVar[dict[str, type[Struct] | None]] = {"GET": DeliveryPage}
    parameters: ClassVar[tuple[str, ...]] = ("state", "limit", "cursor")

    def get(self, request: Request, webhook_id: UUID) -> Response:
        """The newest first."""
        refuse_unknown_parameters(request, self.parameters)
        endpoint = self.get_webhook(request, webhook_id, "web.view_webhookdelivery")
        rows = WebhookDelivery.objects.filter(endpoint=endpoint).prefetch_related("attempts")
        if state := request.query_params.get("state"):
            if state not in WebhookDelivery.State.values:
                raise invalid_parameter("state", f"is one of {', '.join(WebhookDelivery.State.values)}")
            rows = rows.filter(state=state)
        order = PageOrder("-position", ("position",))
        return paginate(request, rows, order, lambda it: msgspec.to_builtins(delivery_details(it)))


class WebhookResending(WebhookView):
    """Sending a message once more."""

    answers: ClassVar[dict[str, type[Struct] | None]] = {"POST": None}
    status = 202
    needs_version = False

    def post(self, request: Request, webhook_id: UUID, delivery_id: UUID) -> Response:
        """Send it again, whether it was taken or given up. What comes of it stands among the deliveries."""
        endpoint = self.get_webhook(request, webhook_id, "web.resend_webhookdelivery")
        delivery = WebhookDelivery.objects.filter(endpoint=endpoint, pk=delivery_id).first()
        if delivery is None:
            raise NotFound
        resend(delivery)
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
        raise InvalidBody(locations=[{"pointer": "/url", "detail": "this name cannot be resolved"}]) from error
    unknown_indexes = [place for place, it in enumerate(types) if it not in registry.events]
    if unknown_indexes:
        where = [{"pointer": f"/types/{place}", "detail": "there is no such event"} for place in unknown_indexes]
        raise InvalidBody("There are no such events", locations=where)


def _create_webhook(webhook_id: UUID, request: Request, body: NewWebhook) -> tuple[WebhookEndpoint, bool]:
    """The webhook and whether it is new: the same key makes it once."""
    types = " ".join(body.types)
    webhook = WebhookEndpoint(
        id=webhook_id, owner=require_login(request), url=body.url, types=types, cursor=newest_position()
    )
    try:
        with transaction.atomic():
            webhook.save(force_insert=True)
    except IntegrityError:
        existing = WebhookEndpoint.objects.select_related("owner").filter(pk=webhook_id).first()
        if existing is None:
            raise
        # Once it was changed nobody knows any more what it was made as.
        if existing.version == 1 and (existing.url, existing.types) != (body.url, types):
            raise CommandIdReused from None
        return existing, False
    return webhook, True


def _webhook_response(endpoint: WebhookEndpoint, *, status: int = 200) -> Response:
    response = Response(msgspec.to_builtins(webhook_details(endpoint)), status=status)
    response["ETag"] = etag(endpoint.version)
    return response


def _secret_response(endpoint: WebhookEndpoint) -> Response:
    response = Response(msgspec.to_builtins(SigningSecret(signing_secrets.signing_secret(endpoint), endpoint.former_until)))
    response["ETag"] = etag(endpoint.version)
    return response
