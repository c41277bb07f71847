"""A small world with a customer, their order and trade, a row of each model, and requests to every URL about them."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4

from django.contrib import admin
from django.contrib.auth.models import User as Login
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.exceptions import PermissionDenied
from django.db.models import Model, fields
from django.http import Http404, HttpResponseForbidden, HttpResponseNotFound
from django.test import Client, RequestFactory
from django.urls import resolve
from django.utils import timezone

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import Envelope
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.models import StoredEvent
from eventshop.operations.attention.models import AttentionItem
from eventshop.operations.models import SavedFilter
from eventshop.privacy.erasure.erasure_job import DONE
from eventshop.projections import replays
from eventshop.projections.models import DeadLetterJob, EventCorrection, ProjectedEffect, UnreadableRecord
from eventshop.projections.rebuild import request_rebuild
from eventshop.web.api import openapi_views
from eventshop.web.imports import import_jobs
from eventshop.web.models import WebhookDelivery, WebhookEndpoint
from eventshop.web.permission_matrix import Door
from orders.domain.commands import CreateOrder, ReceiveStock, RecordObservedPayment
from orders.models import Product
from tests.support.api_clients import ApiClient, shopper, staff
from tests.support.permission_callers import Clerk
from tests.support.sagas import make_suspended_saga
from tests.support.sales import Sale
from tests.support.staff import update_read_models
from tests.support.trade_commands import submit_trade
from trading.domain.commands import OpenAccount
from users.application.erasure_links import erasure_token
from users.domain.commands import GrantConsent, SaveDeliveryAddress
from users.models import SignedInSession

DOCUMENT: Final[dict[str, Any]] = json.loads(openapi_views.FILE.read_text())
SALE: Final = Sale(1)
ACCOUNT, TRADE = derive_id("test-account", "owner"), derive_id("test-trade", "T-1")
COMMAND = derive_id("test-command", "1")
EFFECT = derive_id("test-effect", "1")
IMPORT = derive_id("test-import", "1")
ADDRESS = derive_id("test-address", "1")
LISTED = "projections.ordersummary"
WEBHOOK, DELIVERY = derive_id("test-webhook", "1"), derive_id("test-delivery", "1")


class World:
    """A customer with a paid order and an open trade, in a shop that has mugs and a webhook of staff."""

    def __init__(self) -> None:
        self.owner = shopper()
        assert self.owner.person
        self.person: UUID = self.owner.person
        Product.objects.create(sku="MUG", name="Mug", price=Decimal("12.50"))
        command_dispatcher.send(ReceiveStock("MUG", 5, "D-1"))
        created = CreateOrder(SALE.order_id, "1", self.person, SALE.lines, delivery_name="Ada Marker")
        command_dispatcher.send(created, envelope=Envelope(COMMAND, actor=str(self.person)))
        command_dispatcher.send(RecordObservedPayment(SALE.order_id, SALE.total, "card"))
        command_dispatcher.send(OpenAccount(ACCOUNT, "Ada", self.person, "EUR", Decimal(10_000)))
        submit_trade("T-1", ordered="10", code="XETRA/SAP", account=ACCOUNT)
        integrator = staff("integrator", "view_storedevent")
        webhook = WebhookEndpoint.objects.create(id=WEBHOOK, owner=integrator, url="https://192.0.2.1/")
        WebhookDelivery.objects.create(id=DELIVERY, endpoint=webhook, position=1, event_type="X", due_at=timezone.now())
        created_event = StoredEvent.objects.get(event_type="OrderCreated")
        ProjectedEffect.objects.create(
            id=EFFECT,
            projection="letters",
            kind="order-confirmed",
            event_id=created_event.event_id,
            event_type="OrderCreated",
            aggregate_id=SALE.order_id,
            position=created_event.position,
            person=self.person,
            due_at=timezone.now(),
        )
        command_dispatcher.send(SaveDeliveryAddress(self.person, ADDRESS, "Ada Marker", "1 Elm St"))
        now = timezone.now()
        consent = GrantConsent(self.person, "DirectMarketing", "2026-01", at=now, expires_at=now + timedelta(days=300))
        command_dispatcher.send(consent)
        self.other = shopper("bob@example.org")
        update_read_models()
        self.rebuild = request_rebuild("order-summary", requested_by="ada", reason="a new column")
        self.replay = replays.request_dry_run("order-summary", requested_by="ada")
        now = timezone.now()
        self.saga = make_suspended_saga(1)
        self.item = AttentionItem.objects.create(key="k", part="kafka", severity=2, title="x", since=now, seen_at=now)
        self.letter_job = DeadLetterJob.objects.create(
            projection="order-summary", fingerprint="x", verb="retry", requested_at=now, total=1
        )
        place = {"topic": "event-store", "partition": 3, "offset": 17}
        self.record = UnreadableRecord.objects.create(projection="order-summary", error="x", found_at=now, **place)
        self.correction = EventCorrection.objects.create(
            projection="order-summary",
            event_id=created_event.event_id,
            aggregate_id=SALE.order_id,
            aggregate_type="order",
            position=created_event.position,
            version=1,
            event_type="OrderCreated",
            original="{}",
            changes="{}",
            made_at=now,
        )
        self.clerk = Clerk()
        self.filter = SavedFilter.objects.create(owner=self.clerk.login, listed=LISTED, name="x", address="")
        import_jobs.request(
            IMPORT, "online-retail", b"x", login=self.clerk.login, on_error="stop", dry_run=True, options={}
        )

    def fill(self, url: str) -> str:
        """The URL with the ids of the owner's objects."""
        one = {
            "stock": "MUG",
            "people": self.person,
            "trades": TRADE,
            "consents": f"{self.person}:DirectMarketing",
        }.get(url.split("/")[2:3][0] if "/v1/" in url else "")
        values = {
            "key": one or SALE.order_id,
            "aggregate_id": one or SALE.order_id,
            "order_id": SALE.order_id,
            "trade_id": TRADE,
            "account_id": ACCOUNT,
            "address_id": ADDRESS,
            "effect_id": EFFECT,
            "import_id": IMPORT,
            "webhook_id": WEBHOOK,
            "delivery_id": DELIVERY,
            "command_id": COMMAND,
            "correlation_id": StoredEvent.objects.values_list("correlation_id", flat=True).first(),
            "form_id": SALE.order_id,
            "person_id": self.person,
            "reference": "R-1",
            "sku": "MUG",
            "venue": "XETRA",
            "symbol": "SAP",
            "term": "DirectMarketing",
            "token": erasure_token(self.person),
            "kind": "projection",
            "name": "sign-roots"
            if "/periodic-jobs/" in url
            else "order-summary"
            if "/operations/" in url or "/catalogue/" in url
            else "order",
            "code": "not-found",
            "verb": "pause" if "/rebuilds/" in url else "retry",
            "version": 1,
            "number": 1,
            "token_id": 1,
            "rebuild_id": self.rebuild.pk,
            "replay_id": self.replay.pk,
            "job_id": self.letter_job.pk,
            "record_id": self.record.pk,
            "correction_id": self.correction.pk,
            "item_id": self.item.pk,
            "saga_id": self.saga.pk,
            "event_id": EFFECT,
            "tag": "orders",
            "session_id": 1,
            "listed": LISTED,
            "filter_id": self.filter.pk,
            "pk": 1,
            "id": self.clerk.login.pk,
        }
        return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda match: str(values[match[1]]), url)


class Call:
    """A request to a door of the API, with a valid body."""

    def __init__(self, door: Door, world: World) -> None:
        self.method, self.path = door.method.lower(), world.fill(door.path).removeprefix("/api/v1/")
        self.body = example_body(door)

    def send_as(self, program: ApiClient) -> Any:
        if self.method == "get":
            return program.get(self.path)
        return program.send(self.method, self.path, self.body, if_match="*")

    def send_anonymously(self, **headers: str) -> Any:
        call, url = getattr(Client(headers=headers), self.method), f"/api/v1/{self.path}"
        return call(url) if self.method == "get" else call(url, json.dumps(self.body), "application/json")


def example_body(door: Door) -> Any:
    described = "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", door.path)
    operation = DOCUMENT["paths"][described][door.method.lower()]
    contents = operation.get("requestBody", {}).get("content", {})
    if "application/json" not in contents:
        return None
    schema = contents["application/json"]["schema"]
    example = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["examples"][0]
    if "url" in example:
        example = {**example, "url": "https://93.184.215.14/"}
    return {**example, "account_id": str(ACCOUNT)} if "account_id" in example else example


def make_rows() -> dict[str, Any]:
    """A row of each model of the admin, by the beginning of its URLs: the value of `object_id`."""
    keys = {}
    if not SignedInSession.objects.exists():  # only those that still exist are listed
        Session.objects.create(session_key="x", expire_date=timezone.now() + timedelta(days=1))
    for model in admin.site._registry:
        row: Any = model._default_manager.first() or make_row(model)
        key = row.aggregate_id if model._meta.model_name == "stream" else row.pk
        keys[f"admin/{model._meta.app_label}/{model._meta.model_name}/"] = key
    return keys


#: What a page needs to be shown, of rows that are made from their types alone.
EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "erasure": {"step": DONE},
    "certificate": {
        "body": json.dumps(
            {
                "person": str(uuid4()),
                "destroyed_at": "2026-01-30T12:00:00Z",
                "purposes": [],
                "kept": [],
                "scan": {"looked_at": {}, "hits": []},
            }
        )
    },
    "eventcorrection": {"changes": "{}", "original": "{}"},
    "replay": {"projection": "order-summary"},
    "deadletter": {"projection": "order-summary"},
}


def make_row(model: type[Model]) -> Any:
    values = dict(EXAMPLES.get(str(model._meta.model_name), {}))
    for field in model._meta.concrete_fields:
        if field.name in values or field.has_default() or field.null or isinstance(field, fields.AutoField):
            continue
        match field:
            case fields.related.ForeignKey():
                values[field.name] = field.related_model._default_manager.first() or make_row(field.related_model)
            case fields.UUIDField():
                values[field.name] = uuid4()
            case fields.DateTimeField():
                values[field.name] = timezone.now()
            case fields.DateField():
                values[field.name] = timezone.localdate()
            case fields.BinaryField():
                values[field.name] = b""
            case fields.BooleanField():
                values[field.name] = False
            case fields.IntegerField() | fields.DecimalField():
                values[field.name] = 1
            case _:
                values[field.name] = (field.choices or [("x", "x")])[0][0]
    return model._default_manager.create(**values)


class Console:
    """The console, with a row of each model, asked as anybody."""

    def __init__(self, world: World) -> None:
        self._world, self._keys = world, make_rows()

    def ask(self, who: Client, door: Door) -> Any:
        url = self._url(door)
        form = {"action": door.action, "_selected_action": [self._key(door)]} if door.action else {}
        return who.post(url, form) if door.method == "POST" else who.get(url)

    def ask_view(self, login: Login, door: Door) -> Any:
        """The answer of the view alone, not rendered: some twenty times cheaper, for tests of very many requests."""
        url = self._url(door)
        request: Any = getattr(RequestFactory(), door.method.lower())(url)
        request.user, request.session, request._dont_enforce_csrf_checks = login, SessionStore(), True
        request._messages = FallbackStorage(request)
        view, arguments, named = resolve(url)
        try:
            return view(request, *arguments, **named)
        except PermissionDenied:
            return HttpResponseForbidden()
        except Http404:
            return HttpResponseNotFound()

    def send(self, who: Client, door: Door, form: dict[str, Any]) -> Any:
        """Send a form to the page of the door."""
        return who.post(self._url(door), form)

    def _url(self, door: Door) -> str:
        return self._world.fill(door.path.replace("<path:object_id>", self._key(door)))

    def _key(self, door: Door) -> str:
        return str(self._keys.get("/".join(door.path.split("/")[:3]) + "/", ""))
