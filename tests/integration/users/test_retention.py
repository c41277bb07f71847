"""Retention is carried out: what no duty keeps any more is erased, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User as Login
from django.core import mail
from django.core.management import call_command
from django.utils import timezone
from msgspec.structs import replace

from eventshop.core.personal_fields import Redacted
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent
from eventshop.operations import periodic_jobs
from eventshop.privacy import retention_job
from eventshop.privacy.encryption import personal_keys
from eventshop.privacy.models import Certificate, ErasedPerson, ExpiredRecord, RetentionRun
from eventshop.projections.effects.worker import perform_effects
from eventshop.projections.projection import projection_registry
from eventshop.sagas import timers, workers
from orders.domain.commands import CancelOrder, CreateOrder
from orders.domain.events import ExternalId as CustomerNumber
from projections.models import ExternalId, OrderSummary, TradeBlotter
from tests.support.customers import sign_in_customer
from tests.support.order_payments import pay_order
from tests.support.pages import find
from tests.support.read_models import assert_rows_equal_fold, catch_up
from tests.support.sales import LANTERNS
from tests.support.staff import clerk
from tests.support.trader import open_account, submit_limit_order
from trading.domain.commands import CancelTrade
from users.application.customer_adapter import load_person
from users.domain.commands import CancelErasure, PlaceLegalHold
from users.domain.events import ErasureRequested
from users.domain.user import Status
from users.models import Account

pytestmark = pytest.mark.usefixtures("clean_database")

NEW_YEAR = datetime(timezone.now().year + 1, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def erase_without_delay(settings: Any, tmp_path: Path) -> None:
    settings.KEY_CACHE_SECONDS = 0
    settings.ERASURE_LIST = str(tmp_path / "erased.txt")


def years_later(years: int) -> datetime:
    """The first moment at which the duty of what happens now has ended."""
    return NEW_YEAR.replace(year=NEW_YEAR.year + years)


def place_order(customer: UUID | None, number: CustomerNumber | None = None) -> UUID:
    order = uuid4()
    command = CreateOrder(order, f"R-{order}", customer, (LANTERNS,), customer_external_id=number)
    send(replace(command, delivery_name="Zz-Ada", delivery_address="1 Zz-Street"))
    send(CancelOrder(order, "zz-reason"))
    return order


def work() -> None:
    catch_up(*projection_registry.select([]))


def readable(order: UUID) -> list[str]:
    personal_keys.key_cache.clear()
    created, cancelled = store.get_events(order)
    texts = (created.event.delivery_name, cancelled.event.reason)
    return [text for text in texts if not isinstance(text, Redacted)]


def erased(about: str, now: datetime) -> int:
    return sum(run.erased for run in retention_job.carry_out_retention(now=now) if run.about == about)


def test_orders_lose_names_and_notes_on_the_day_after_their_duty_and_not_before() -> None:
    _, customer = sign_in_customer()
    guest = uuid4()
    orders = [
        place_order(None),
        place_order(guest, CustomerNumber("crm", "zz-77")),
        place_order(customer),
    ]
    work()
    assert erased("orders", years_later(8) - timedelta(seconds=1)) == 0
    assert all(len(readable(order)) == 2 for order in orders) and ExternalId.objects.exists()
    [preview] = [item for item in retention_job.preview(now=years_later(8)) if item.rule.about == "orders"]
    assert (preview.due, preview.held, preview.is_complete) == (3, 0, True)
    assert not RetentionRun.objects.filter(about="orders").exists()  # a preview changes nothing

    assert erased("orders", years_later(8)) == 3
    assert [readable(order) for order in orders] == [[], [], []]
    rows = OrderSummary.objects.values_list("delivery_name", "delivery_address", "reason")
    assert set(rows) == {("", "", "")} and not ExternalId.objects.filter(customer_id=guest).exists()
    assert load_person(customer).contact  # the account is not about orders
    run = RetentionRun.objects.get(about="orders")
    assert (run.erased, run.held, run.years) == (3, 0, 8) and len(run.digest) == 64
    assert erased("orders", years_later(8)) == 0 and ExpiredRecord.objects.filter(run__about="orders").count() == 3
    work()
    assert_rows_equal_fold()


def test_the_words_of_trades_go_when_their_duty_ends_and_the_figures_stay() -> None:
    _, person = sign_in_customer()
    trade = submit_limit_order(open_account(person))
    send(CancelTrade(trade, "zz-reason"))
    work()
    assert erased("trades", years_later(7) - timedelta(seconds=1)) == 0
    assert erased("trades", years_later(7)) == 1
    personal_keys.key_cache.clear()
    submitted, cancelled = (item.event for item in store.get_events(trade))
    assert (submitted.quantity, cancelled.reason) == (2, Redacted("trading-notes"))
    row = TradeBlotter.objects.get(pk=trade)
    assert row.quantity == 2 and "zz-reason" not in str(vars(row))


def test_an_invoice_is_issued_without_a_name_once_the_duty_of_its_order_has_ended() -> None:
    client, person = sign_in_customer()
    order = uuid4()
    send(CreateOrder(order, "R-1", person, (LANTERNS,), delivery_name="Zz-Ada", delivery_address="1 Zz-Street"))
    pay_order(order)
    perform_effects()
    work()
    path = f"/orders/{order}/invoice/"
    assert "Zz-Ada" in client.get(path).text
    assert erased("orders", years_later(8)) == 1
    personal_keys.key_cache.clear()
    page = client.get(path)
    assert page.status_code == 200 and "Zz-" not in page.text and "INV-000001" in page.text


def test_it_runs_every_day() -> None:
    [job] = [job for job in periodic_jobs._jobs.values() if job.name == "carry-out-retention"]
    assert (job.every, job.run) == (timedelta(days=1), retention_job.report_run)


def test_a_customer_who_ordered_since_keeps_the_address_of_all_their_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    _, customer = sign_in_customer()
    old = place_order(customer)
    work()
    young = uuid4()
    moved = timezone.now() + timedelta(days=3 * 366)
    with monkeypatch.context() as clock:
        clock.setattr("eventshop.eventstore.event_append.utc_now", lambda: moved)
        send(CreateOrder(young, "R-young", customer, (LANTERNS,), delivery_name="Zz-Ada"))
    assert StoredEvent.objects.get(aggregate_id=young).recorded_at >= moved  # the clock was moved
    assert erased("orders", years_later(8)) == 1  # and the read model does not know the young order yet
    assert readable(old) == ["Zz-Ada"]  # the note is gone
    work()
    assert store.get_events(young)[0].event.delivery_name == "Zz-Ada"
    assert OrderSummary.objects.get(pk=young).delivery_name == "Zz-Ada"


def test_a_legal_hold_keeps_everything_of_its_person() -> None:
    _, customer = sign_in_customer()
    order = place_order(customer)
    send(PlaceLegalHold(customer, "case 7", "a claim"))
    work()
    runs = retention_job.carry_out_retention(now=years_later(20))
    assert {(run.about, run.erased, run.held) for run in runs} == {("orders", 0, 1), ("inactive accounts", 0, 1)}
    assert len(readable(order)) == 2 and load_person(customer).state.status is Status.ACTIVE


def test_an_inactive_account_is_erased_after_a_letter_unless_its_owner_keeps_it() -> None:
    people = [sign_in_customer(f"p{number}@example.org")[1] for number in range(2)]
    Login.objects.update(last_login=None)
    Account.objects.update(created_at=timezone.now() - timedelta(days=1))
    assert erased("inactive accounts", years_later(3) - timedelta(seconds=1)) == 0
    assert erased("inactive accounts", years_later(3)) == 2
    assert [recipient for message in mail.outbox for recipient in message.to] == ["p0@example.org", "p1@example.org"]
    requested = load_person(people[0]).events[-1].event
    assert isinstance(requested, ErasureRequested) and requested.source == "retention"
    send(CancelErasure(people[1]))
    workers.run_until_idle("test")
    timers.fire_due_timers("test", now=timezone.now() + timedelta(days=40))
    workers.run_until_idle("test")
    assert [load_person(person).state.status for person in people] == [Status.ERASED, Status.ACTIVE]
    assert Certificate.objects.filter(subject=people[0]).exists()


def test_who_signed_in_or_is_staff_is_not_inactive() -> None:
    sign_in_customer()
    Login.objects.update(last_login=years_later(1))
    assert erased("inactive accounts", years_later(3)) == 0
    Login.objects.update(last_login=None, is_staff=True)
    assert erased("inactive accounts", years_later(9)) == 0


def test_an_order_that_moved_after_it_was_erased_is_erased_again() -> None:
    order = uuid4()
    send(CreateOrder(order, "R-1", None, (LANTERNS,), delivery_name="Zz-Ada"))
    work()
    assert erased("orders", years_later(8)) == 1
    assert ErasedPerson.objects.filter(subject=order).exists()
    send(CancelOrder(order, "zz-late"))  # its text is left out: the stream's key is gone for ever
    assert store.get_events(order)[-1].event.reason in ("", Redacted("notes"))
    assert erased("orders", years_later(8)) == 1


def test_a_killed_run_is_completed_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention_job, "BATCH", 2)
    orders = [place_order(None) for _ in range(5)]
    work()
    record = ExpiredRecord.objects.bulk_create
    calls = 0

    def fail_in_the_second_batch(*args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return record(*args, **options)

    with monkeypatch.context() as broken:
        broken.setattr(ExpiredRecord.objects, "bulk_create", fail_in_the_second_batch)
        with pytest.raises(KeyboardInterrupt):
            retention_job.carry_out_retention(now=years_later(8))
    assert ExpiredRecord.objects.count() == 2
    assert erased("orders", years_later(8)) == 3
    assert all(readable(order) == [] for order in orders) and ExpiredRecord.objects.count() == 5


def test_the_command_and_the_console_show_what_would_go() -> None:
    place_order(None)
    day = years_later(8).date().isoformat()
    said = StringIO()
    call_command("carry_out_retention", "--dry-run", "--on", day, stdout=said)
    assert "orders: 1 due, 0 held" in said.getvalue() and not RetentionRun.objects.exists()
    call_command("carry_out_retention", stdout=said)
    assert not RetentionRun.objects.exists()  # nothing is due today
    page = clerk("view_retentionrun").get("/admin/privacy/retentionrun/")
    assert len(find(page, "due")) == 3 and find(page, "due-table")
    assert clerk("view_erasure").get("/admin/privacy/retentionrun/").status_code == 403
