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

from eventshop.core.deterministic_ids import derived_id
from eventshop.core.errors import CommandIdReused, WrongExpectedVersion
from eventshop.core.message_registry import registry
from eventshop.eventstore.tail_reader import newest_position
from eventshop.web.api import idempotency, request_parsing
from eventshop.web.api.base_view import ApiView, require, signed_in
from eventshop.web.api.etag import etag, expected_version
from eventshop.web.api.event_feed_views import require_events
from eventshop.web.api.pagination import Keyset, refuse_unknown, refused
from eventshop.web.models import WebhookDelivery, WebhookEndpoint
from eventshop.web.shared.errors import InvalidBody, NotAllowed, NotFound
from eventshop.web.webhooks import signing_secrets
from eventshop.web.webhooks.delivery import again
from eventshop.web.webhooks.schemas import (
    ChangedWebhook,
    DeliveryPage,
    NewWebhook,
    ShownWebhook,
    SigningSecret,
    WebhookPage,
    shown,
    shown_delivery,
)
from eventshop.web.webhooks.url_policy import checked

SCOPES: Final = {"GET": "webhooks:read"} | dict.fromkeys(("POST", "PUT", "DELETE"), "webhooks:write")


class Order(NamedTuple):
    """What pages are cut by."""

    ordering: str
    orderings: tuple[str, ...]


class WebhookView(ApiView):
    """Something of one webhook."""

    scopes: ClassVar[dict[str, str]] = SCOPES
    keyed: ClassVar[tuple[str, ...]] = ()

    def own(self, request: Request, webhook_id: UUID, permission: str) -> WebhookEndpoint:
        """The caller's own webhook, or anybody's for staff with the permission; whoever may not see it: `NotFound`."""
        return self._allowed(request, WebhookEndpoint.objects.filter(pk=webhook_id), permission)

    def as_seen(self, request: Request, webhook_id: UUID, permission: str) -> WebhookEndpoint:
        """As `own`, to be changed: nobody else changes it until the transaction ends. Raises `WrongExpectedVersion`."""
        rows, expected = WebhookEndpoint.objects.filter(pk=webhook_id), expected_version(request)
        found = self._allowed(request, rows.select_for_update(of=("self",)), permission)
        if expected not in (None, found.version):
            raise WrongExpectedVersion(expected_version=expected, version=found.version)
        return found

    def _allowed(self, request: Request, rows: QuerySet[WebhookEndpoint], permission: str) -> WebhookEndpoint:
        login, found = signed_in(request), rows.select_related("owner").first()
        if found is None or not (found.owner == login or login.has_perm("web.view_webhookendpoint")):
            raise NotFound
        if found.owner != login and not login.has_perm(permission):
            raise NotAllowed
        return found


class Webhooks(WebhookView):
    """Webhooks: one's own; for staff who may see webhooks everybody's."""

    body: ClassVar[type[Struct]] = NewWebhook
    answers: ClassVar[dict[str, type[Struct] | None]] = {"GET": WebhookPage, "POST": ShownWebhook}
    parameters: ClassVar[tuple[str, ...]] = ("limit", "cursor")
    keyed = ("POST",)
    status = 201
    needs_version = False

    def get(self, request: Request) -> Response:
        """List them."""
        refuse_unknown(request, self.parameters)
        login, rows = signed_in(request), WebhookEndpoint.objects.select_related("owner")
        if not login.has_perm("web.view_webhookendpoint"):
            require_events(request)
            rows = rows.filter(owner=login)
        return paged(request, rows, Order("made_at", ("made_at",)), lambda it: msgspec.to_builtins(shown(it)))

    def post(self, request: Request) -> Response:
        """Be told of what happens from now on, as far as you may read events."""
        require_events(request)
        require(request, "web.add_webhookendpoint")
        command_id = idempotency.command_id(request)
        asked = request_parsing.read(request, NewWebhook)
        _check(asked.url, asked.types)
        made, new = _made(derived_id("api-webhook", command_id), request, asked)
        answer = _answer(made, status=201)
        answer["Location"] = request.build_absolute_uri(reverse("web:webhook", args=[made.pk]))
        if not new:
            answer["Idempotency-Replayed"] = "true"
        return answer


class Webhook(WebhookView):
    """One webhook."""

    body: ClassVar[type[Struct]] = ChangedWebhook
    answers: ClassVar[dict[str, type[Struct] | None]] = {"GET": ShownWebhook, "PUT": ShownWebhook, "DELETE": None}

    def get(self, request: Request, webhook_id: UUID) -> Response:
        """See it."""
        return _answer(self.own(request, webhook_id, "web.view_webhookendpoint"))

    def put(self, request: Request, webhook_id: UUID) -> Response:
        """Change it, or switch it off and on."""
        asked = request_parsing.read(request, ChangedWebhook)
        self.own(request, webhook_id, "web.change_webhookendpoint")  # or names would be looked up for anybody
        _check(asked.url, asked.types)
        with transaction.atomic():
            endpoint = self.as_seen(request, webhook_id, "web.change_webhookendpoint")
            endpoint.url, endpoint.types, endpoint.active = asked.url, " ".join(asked.types), asked.active
            endpoint.version += 1
            endpoint.save(update_fields=["url", "types", "active", "version"])
        return _answer(endpoint)

    def delete(self, request: Request, webhook_id: UUID) -> Response:
        """Remove it, and what is kept of its messages."""
        with transaction.atomic():
            self.as_seen(request, webhook_id, "web.delete_webhookendpoint").delete()
        return Response(status=204)


class WebhookSecret(WebhookView):
    """The secret that a webhook's messages are signed with."""

    answers: ClassVar[dict[str, type[Struct] | None]] = {"GET": SigningSecret, "POST": SigningSecret}

    def get(self, request: Request, webhook_id: UUID) -> Response:
        """See it."""
        return _secret(self.own(request, webhook_id, "web.change_webhookendpoint"))

    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Have a new one. For a day the former one signs too."""
        with transaction.atomic():
            endpoint = self.as_seen(request, webhook_id, "web.change_webhookendpoint")
            signing_secrets.rotate(endpoint)
        return _secret(endpoint)


class WebhookDeliveries(WebhookView):
    """What a webhook was told, and each attempt to tell it."""

    answers: ClassVar[dict[str, type[Struct] | None]] = {"GET": DeliveryPage}
    parameters: ClassVar[tuple[str, ...]] = ("state", "limit", "cursor")

    def get(self, request: Request, webhook_id: UUID) -> Response:
        """The newest first."""
        refuse_unknown(request, self.parameters)
        endpoint = self.own(request, webhook_id, "web.view_webhookdelivery")
        rows = WebhookDelivery.objects.filter(endpoint=endpoint).prefetch_related("attempts")
        if state := request.query_params.get("state"):
            if state not in WebhookDelivery.State.values:
                raise refused("state", f"is one of {', '.join(WebhookDelivery.State.values)}")
            rows = rows.filter(state=state)
        order = Order("-position", ("position",))
        return paged(request, rows, order, lambda it: msgspec.to_builtins(shown_delivery(it)))


class WebhookResending(WebhookView):
    """Sending a message once more."""

    answers: ClassVar[dict[str, type[Struct] | None]] = {"POST": None}
    status = 202
    needs_version = False

    def post(self, request: Request, webhook_id: UUID, delivery_id: UUID) -> Response:
        """Send it again, whether it was taken or given up. What comes of it stands among the deliveries."""
        endpoint = self.own(request, webhook_id, "web.resend_webhookdelivery")
        delivery = WebhookDelivery.objects.filter(endpoint=endpoint, pk=delivery_id).first()
        if delivery is None:
            raise NotFound
        again(delivery)
        where = reverse("web:webhook-deliveries", args=[webhook_id])
        return Response(status=202, headers={"Location": request.build_absolute_uri(where)})


def paged(request: Request, rows: QuerySet[Any], order: Order, told: Any) -> Response:
    pages = Keyset()
    page = pages.paginate_queryset(rows, request, order)
    return pages.get_paginated_response([told(row) for row in page])


def _check(url: str, types: tuple[str, ...]) -> None:
    try:
        checked(url)
    except (OSError, UnicodeError) as error:
        raise InvalidBody(where=[{"pointer": "/url", "detail": "this name cannot be resolved"}]) from error
    unknown = [place for place, it in enumerate(types) if it not in registry.events]
    if unknown:
        where = [{"pointer": f"/types/{place}", "detail": "there is no such event"} for place in unknown]
        raise InvalidBody("There are no such events", where=where)


def _made(webhook_id: UUID, request: Request, asked: NewWebhook) -> tuple[WebhookEndpoint, bool]:
    """The webhook and whether it is new: the same key makes it once."""
    types = " ".join(asked.types)
    made = WebhookEndpoint(
        id=webhook_id, owner=signed_in(request), url=asked.url, types=types, cursor=newest_position()
    )
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError:
        first = WebhookEndpoint.objects.select_related("owner").filter(pk=webhook_id).first()
        if first is None:
            raise
        # Once it was changed nobody knows any more what it was made as.
        if first.version == 1 and (first.url, first.types) != (asked.url, types):
            raise CommandIdReused from None
        return first, False
    return made, True


def _answer(endpoint: WebhookEndpoint, *, status: int = 200) -> Response:
    answer = Response(msgspec.to_builtins(shown(endpoint)), status=status)
    answer["ETag"] = etag(endpoint.version)
    return answer


def _secret(endpoint: WebhookEndpoint) -> Response:
    answer = Response(msgspec.to_builtins(SigningSecret(signing_secrets.secret(endpoint), endpoint.former_until)))
    answer["ETag"] = etag(endpoint.version)
    return answer
