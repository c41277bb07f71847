"""Nothing in the admin can add, change or delete a fact or a row, whoever asks and however."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.models import StoredEvent, StoredReceipt
from eventshop.messaging.models import AcknowledgedRecord, KnownTopic
from eventshop.operations.attention import watch
from eventshop.operations.models import AccessRecord, PeriodicWork
from eventshop.operations.operator_log import record_action
from eventshop.operations.tamper_evidence.signed_roots import sign_new_roots
from eventshop.operations.tasks import record_history
from eventshop.privacy.erasure.certificates import issue_certificate
from eventshop.privacy.erasure.erasure_job import start_erasure
from eventshop.privacy.erasure.leftover_scan import ScanReport
from eventshop.privacy.models import RetentionRun
from eventshop.projections.models import DeadLetter, Rebuild
from eventshop.projections.replays import request_dry_run
from tests.support.access_log import accesses
from tests.support.order_fulfilment import receive_stock
from tests.support.sales import Sale
from tests.support.staff import boss, clerk, record_sales
from tests.support.trade_commands import submit_trade
from trading.domain.commands import OpenAccount
from users.domain.commands import CreateUser, GrantConsent

pytestmark = pytest.mark.usefixtures("row_of")

APPS = ("store", "ops", "projections", "privacy", "log")
MODELS = [model for model in admin.site._registry if model._meta.app_label in APPS]
sale = Sale(1)


@pytest.fixture(scope="module")
def row_of(module_database: None) -> Any:
    """A row of each model, and the last part of its address. No test can change one: that is what they are about."""
    receive_stock("71053", 5)
    now = timezone.now()
    person = uuid4()
    send(CreateUser(person, "ada@example.org", "Ada"))
    send(GrantConsent(person, "Personalisation", "2026-01", at=now, expires_at=now + timedelta(days=1)))
    issue_certificate(start_erasure(person), ScanReport({}, []))
    PeriodicWork.objects.create(name="tidy", due_at=now)
    watch.compare()
    submit_trade("T-1", ("61837.63", "0.02"))
    send(OpenAccount(uuid4(), "T-1", None, "EUR", Decimal(1_000)))
    record_sales(sale)
    boss().get("/admin/store/storedevent/")
    assert accesses()
    sign_new_roots()
    event = StoredEvent.objects.latest("position")
    DeadLetter.objects.create(
        projection="order-summary",
        aggregate_id=sale.order_id,
        aggregate_type="Order",
        position=event.position,
        version=2,
        event_id=event.event_id,
        event_type=event.event_type,
        parked_at=timezone.now(),
    )
    Rebuild.objects.create(projection="order-summary", requested_by="ada", requested_at=timezone.now())
    request_dry_run("order-summary", requested_by="ada")
    record_action(actor="staff:1", action="pause projection", target="daily-sales", reason="deployment")
    record_history()
    RetentionRun.objects.create(
        run_id=uuid4(), about="order", what="orders", duty="tax law", years=8, ended_before=now, began_at=now
    )
    AcknowledgedRecord.objects.create(topic="event-store", topic_id=uuid4(), partition=3, offset=17, operator="ada")
    KnownTopic.objects.create(name="event-store", cluster_id="one", topic_id=uuid4(), partitions=12)

    def row(model: type[Model]) -> tuple[Model, str]:
        first = model._default_manager.first()
        assert first is not None
        return first, str(sale.order_id) if model._meta.model_name == "stream" else quote(first.pk)

    return row


def admin_url(model: type[Model], action: str, *args: str) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{action}", args=args)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_row_can_be_looked_at_and_not_touched_even_by_a_superuser(model: type[Model], row_of: Any) -> None:
    client, (row, key) = boss(), row_of(model)
    columns = {field.name: getattr(row, field.name) for field in model._meta.concrete_fields}
    rows = model._default_manager.count()

    assert client.get(admin_url(model, "changelist")).status_code == 200
    page = client.get(admin_url(model, "change", key))
    assert page.status_code == 200
    assert "es-card" in page.content.decode() and 'class="field-' not in page.content.decode()
    assert client.get(admin_url(model, "add")).status_code == 403
    assert client.post(admin_url(model, "add"), columns_as_text(columns)).status_code == 403
    assert client.post(admin_url(model, "change", key), columns_as_text(columns)).status_code == 403
    assert client.post(admin_url(model, "delete", key), {"post": "yes"}).status_code == 403
    client.post(
        admin_url(model, "changelist"),
        {"action": "delete_selected", "_selected_action": key, "post": "yes", "index": "0"},
    )

    if model is not AccessRecord:  # which has each of these reads
        assert model._default_manager.count() == rows
    unchanged = model._default_manager.get(pk=row.pk)
    assert {field.name: getattr(unchanged, field.name) for field in model._meta.concrete_fields} == columns


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_page_needs_its_permission(model: type[Model], row_of: Any) -> None:
    _, key = row_of(model)
    pages = [admin_url(model, "changelist"), admin_url(model, "change", key)]
    assert [clerk().get(page).status_code for page in pages] == [403, 403]
    allowed = clerk(f"view_{model._meta.model_name}")
    assert [allowed.get(page).status_code for page in pages] == [200, 200]


def test_there_is_no_permission_to_change_history_or_read_models() -> None:
    labels = {model._meta.app_label for model in MODELS}
    given = Permission.objects.filter(content_type__app_label__in=labels).values_list("codename", flat=True)
    assert not [name for name in given if name.startswith(("add_", "change_", "delete_"))]
    assert {model for label in labels for model in apps.get_app_config(label).get_models()} >= set(MODELS)


def test_the_correlation_page_needs_permission_to_view_events() -> None:
    event = StoredEvent.objects.earliest("position")
    page = reverse("admin:correlation", args=(event.correlation_id,))
    assert clerk().get(page).status_code == 403
    assert clerk("view_storedevent").get(page).status_code == 200


def test_strangers_are_asked_to_sign_in() -> None:
    answer = Client().get("/admin/store/storedevent/")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/admin/login/")
    assert Client().get("/admin/login/").status_code == 200


def test_what_does_not_exist_is_said_so() -> None:
    client = boss()
    assert client.get(reverse("admin:correlation", args=(uuid4(),))).status_code == 404
    for model, key in ((StoredEvent, "99999"), (StoredEvent, "x"), (StoredReceipt, str(uuid4()))):
        answer = client.get(admin_url(model, "change", key))
        assert answer.status_code == 302  # Django sends back to the start, with a message
        assert answer.headers["Location"] == "/admin/"


def columns_as_text(columns: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in columns.items() if value is not None}
