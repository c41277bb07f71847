"""Staff see sagas, suspended ones first, each with its timeline and three operator actions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from django.core.cache import cache
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from eventshop.core.messages import new_id
from eventshop.operations.attention import watch
from eventshop.operations.attention.part_findings import find_overdue_sagas
from eventshop.operations.models import OperatorAction
from eventshop.sagas import muting
from eventshop.sagas.models import InboxMessage, Saga, SagaStep
from eventshop.sagas.usual_waits import overdue_sagas
from orders.domain.order import Status
from tests.support.in_memory_gateway import InMemoryGateway
from tests.support.order_fulfilment import load_order, load_saga, place_order, receive_stock, run_sagas_until_idle
from tests.support.pages import find, texts
from tests.support.staff import actor_of, boss, capture_queries, clerk, message_levels, update_read_models

pytestmark = pytest.mark.usefixtures("clean_database")

LIST = reverse("admin:process_saga_changelist")


def suspend_saga(bank: InMemoryGateway, *, reference: str = "7") -> UUID:
    """An order whose saga is suspended, because its payment has failed as often as allowed."""
    receive_stock("mug", 5)
    order_id = place_order(("mug", 2), method="card", reference=reference)
    bank.is_down = True
    run_sagas_until_idle(bank)
    SagaStep.objects.filter(saga_id=load_saga(order_id).pk, what="effect").update(attempts=29, looked_at_from=Now())
    run_sagas_until_idle(bank)
    bank.is_down = False
    assert load_saga(order_id).status == "stuck"
    return order_id


def complete_saga(bank: InMemoryGateway, *, reference: str = "8") -> UUID:
    receive_stock("cup", 5)
    order_id = place_order(("cup", 1), method="card", reference=reference)
    run_sagas_until_idle(bank)
    return order_id


def saga_url(order_id: UUID, action: str = "change") -> str:
    return reverse(f"admin:process_saga_{action}", args=(load_saga(order_id).pk,))


def listed_subjects(client: Client, **asked: Any) -> list[UUID]:
    return [row.subject_id for row in client.get(LIST, asked).context["cl"].result_list]


def test_the_stuck_ones_stand_first_and_lists_can_be_narrowed() -> None:
    bank = InMemoryGateway()
    trouble = suspend_saga(bank)
    orders = [complete_saga(bank) for _ in range(3)]
    client = boss()
    assert listed_subjects(client) == [trouble, *reversed(orders)]
    assert listed_subjects(client, status__exact="stuck") == [trouble]
    assert listed_subjects(client, status__exact="ended") == list(reversed(orders))
    assert listed_subjects(client, kind="order-fulfilment") == [trouble, *reversed(orders)]
    assert load_saga(trouble).error in client.get(LIST).content.decode()


def test_a_saga_is_found_by_every_id_that_leads_to_it() -> None:
    bank = InMemoryGateway()
    one, other = complete_saga(bank), complete_saga(bank)
    step = SagaStep.objects.filter(saga_id=load_saga(one).pk).first()
    event = InboxMessage.objects.filter(saga_id=load_saga(one).pk, what="event").first()
    assert step is not None and event is not None
    client = boss()
    for text in (load_saga(one).pk, one, load_saga(one).correlation_id, step.pk, event.cause_id):
        assert listed_subjects(client, q=f" {text} ") == [one], text
    assert listed_subjects(client, q="nothing of ours") == []
    assert one != other


def test_the_page_tells_the_whole_story_in_order() -> None:
    order_id = complete_saga(InMemoryGateway())
    answer = boss().get(saga_url(order_id))
    timeline = [(entry.message.name, [row.step.name for row in entry.steps]) for entry in answer.context["timeline"]]
    assert timeline == [
        ("OrderCreated", ["ReserveInventory"]),
        ("PaymentRequested", []),
        ("InventoryReserved", ["TakePayment"]),
        ("PaymentTaken", ["ProcessPayment"]),
        ("PaymentProcessed", ["ShipOrder"]),
        ("OrderShipped", ["DispatchInventory"]),
    ]
    content = answer.content.decode()
    command = SagaStep.objects.get(name="ShipOrder")
    assert reverse("admin:store_storedreceipt_change", args=(command.pk,)) in content
    assert reverse("admin:correlation", args=(load_saga(order_id).correlation_id,)) in content


def test_the_page_of_a_stuck_saga_says_why_and_what_it_waits_for() -> None:
    order_id = suspend_saga(InMemoryGateway())
    page = boss().get(saga_url(order_id))
    [alert] = texts(page, "suspended")
    assert load_saga(order_id).error in alert
    [timers] = texts(page, "timers")
    assert timers.startswith("payment: ")


def test_a_retry_goes_on_where_it_stopped_and_stays_in_the_story() -> None:
    bank = InMemoryGateway()
    order_id = suspend_saga(bank)
    answer = boss().post(saga_url(order_id, "retry"), {"reason": "bank-is-back"})
    assert (answer.status_code, message_levels(answer)) == (302, ["success"])
    run_sagas_until_idle(bank)
    assert load_order(order_id).status == Status.SHIPPED and load_saga(order_id).status == "ended"
    request = InboxMessage.objects.get(what="retry")
    assert (request.actor, "bank-is-back" in request.payload) == (actor_of("boss"), True)
    page = boss().get(saga_url(order_id))
    [entry] = [entry for entry in page.context["timeline"] if entry.message.what == InboxMessage.Kind.RETRY]
    assert (entry.actor, "bank-is-back" in entry.summary) == (actor_of("boss"), True)
    assert entry.summary in page.content.decode()


def test_compensation_undoes_what_was_done() -> None:
    bank = InMemoryGateway()
    order_id = suspend_saga(bank)
    boss().post(saga_url(order_id, "compensate"), {"reason": "the customer gave up"})
    run_sagas_until_idle(bank)
    assert load_order(order_id).status == Status.CANCELLED


def test_a_saga_that_was_seen_to_hears_nothing_more() -> None:
    bank = InMemoryGateway()
    order_id = suspend_saga(bank)
    boss().post(saga_url(order_id, "resolve"), {"reason": "paid in cash"})
    run_sagas_until_idle(bank)
    assert load_saga(order_id).status == "resolved" and load_order(order_id).status == Status.CREATED


@pytest.mark.parametrize("action", ["retry", "compensate", "resolve"])
def test_stepping_in_needs_a_permission_and_a_reason(action: str) -> None:
    order_id = suspend_saga(InMemoryGateway())
    reader = clerk("view_saga")
    assert reader.post(saga_url(order_id, action), {"reason": "because"}).status_code == 403
    assert saga_url(order_id, action) not in reader.get(saga_url(order_id)).content.decode()
    operator = clerk("view_saga", "operate_saga")
    assert saga_url(order_id, action) in operator.get(saga_url(order_id)).content.decode()
    for reason in ("", "   ", "x" * 201):
        assert operator.post(saga_url(order_id, action), {"reason": reason}).status_code == 200
    assert not InboxMessage.objects.filter(what=action).exists()


def test_nothing_can_be_retried_that_is_not_stuck() -> None:
    order_id = complete_saga(InMemoryGateway())
    answer = boss().post(saga_url(order_id, "retry"), {"reason": "why not"})
    assert message_levels(answer) == ["error"]
    assert not InboxMessage.objects.filter(what="retry").exists()


def test_a_saga_offers_what_its_state_allows() -> None:
    bank, client = InMemoryGateway(), boss()
    of_stuck, of_fine = saga_url(suspend_saga(bank)), saga_url(complete_saga(bank))
    waits, done = (client.get(address).content.decode() for address in (of_stuck, of_fine))
    assert [action for action in ("retry", "compensate", "resolve") if of_stuck.replace("change", action) in waits] == [
        "retry",
        "compensate",
        "resolve",
    ]
    assert [action for action in ("retry", "compensate", "resolve") if of_fine.replace("change", action) in done] == [
        "compensate"
    ]


def test_a_saga_that_is_none_has_no_page() -> None:
    nobody = UUID(int=7)
    assert boss().get(reverse("admin:process_saga_retry", args=(nobody,))).status_code == 404
    assert clerk().get(LIST).status_code == 403


def test_list_and_page_ask_the_same_however_much_there_is() -> None:
    bank, client = InMemoryGateway(), boss()
    order_id = complete_saga(bank)
    client.get(LIST), client.get(saga_url(order_id))
    few = len(capture_queries(lambda: client.get(LIST))), len(capture_queries(lambda: client.get(saga_url(order_id))))
    longer = [complete_saga(bank) for _ in range(5)][-1]
    assert (
        len(capture_queries(lambda: client.get(LIST))),
        len(capture_queries(lambda: client.get(saga_url(longer)))),
    ) == few


def test_the_dashboard_names_stuck_sagas_and_leads_to_their_group() -> None:
    index, bank = reverse("admin:index"), InMemoryGateway()
    complete_saga(bank)
    suspend_saga(bank)
    watch.compare()
    page = boss().get(index)
    [row] = [row for row in page.context["attention"] if row.item.part == "suspended"]
    assert row.item.title == "order-fulfilment: 1 suspended at TakePayment"
    group = boss().get(row.step_url)
    assert len(find(group, "saga-group")) == 1 and "es-alert" in group.content.decode()
    assert "attention" not in clerk("view_dailysales").get(index).context


def retry_saga(bank: InMemoryGateway, *, reference: str = "9") -> UUID:
    """An order whose payment has failed once and will be tried again."""
    receive_stock("mug", 5)
    order_id = place_order(("mug", 2), method="card", reference=reference)
    bank.is_down = True
    run_sagas_until_idle(bank)
    SagaStep.objects.filter(what="effect", state="waiting").update(looked_at_from=Now() + timedelta(minutes=2))
    assert load_saga(order_id).status == "running"
    return order_id


def test_a_step_that_failed_once_is_shown_with_error_and_next_try_and_is_tried_now() -> None:
    bank = InMemoryGateway()
    order_id = retry_saga(bank)
    client = boss()
    [row] = client.get(LIST, {"wait": "retrying"}).context["cl"].result_list
    assert row.subject_id == order_id and row.failing_step.failing_since
    assert "Retrying" in client.get(LIST).content.decode()
    [alert] = texts(client.get(saga_url(order_id)), "retrying")
    assert "Retrying since" in alert and "TakePayment" in alert and "Next try" in alert
    bank.is_down = False
    assert message_levels(client.post(saga_url(order_id, "retry_now"), follow=True)) == ["success"]
    run_sagas_until_idle(bank)
    assert load_order(order_id).status is Status.SHIPPED
    assert message_levels(client.post(saga_url(order_id, "retry_now"), follow=True)) == ["error"]
    assert OperatorAction.objects.values_list("action", flat=True).get() == "retry-now saga"


def test_a_group_is_dealt_with_by_one_action_with_one_message_and_one_entry_of_the_log() -> None:
    bank = InMemoryGateway()
    orders = [retry_saga(bank, reference=reference) for reference in ("8", "9")]
    client = boss()
    [row] = client.get(reverse("admin:process_saga_groups")).context["rows"]
    assert len(row.group.sagas) == 2
    update_read_models()
    page = client.get(reverse("admin:process_saga_groups"))
    assert sorted(name for _, name in page.context["rows"][0].sagas) == ["8", "9"]
    assert {row.subject_name for row in client.get(LIST).context["cl"].result_list} == {"8", "9"}
    dialog = reverse("admin:process_saga_group_action", args=("retry-now",)) + f"?{urlencode({'group': row.group.key})}"
    assert clerk("view_saga").post(dialog, {"reason": "the bank is back"}).status_code == 403
    assert client.post(dialog, {"reason": ""}).context["form"].errors
    bank.is_down = False
    answer = client.post(dialog, {"reason": "the bank is back"}, follow=True)
    assert message_levels(answer) == ["success"]
    done = OperatorAction.objects.get()
    assert (done.action, done.result, done.reason) == ("retry-now sagas", "2 of 2 sagas", "the bank is back")
    run_sagas_until_idle(bank)
    assert {load_order(order_id).status for order_id in orders} == {Status.SHIPPED}
    assert message_levels(client.post(dialog, {"reason": "again"}, follow=True)) == ["info"]


def test_a_saga_that_takes_longer_than_its_kind_usually_does_is_flagged() -> None:
    cache.clear()
    receive_stock("mug", 5)
    order_id = place_order(("mug", 2), method="", reference="7")
    run_sagas_until_idle(InMemoryGateway())
    slow, now = load_saga(order_id), timezone.now()
    ended = [
        Saga(
            saga_id=new_id(), kind=slow.kind, version=1, subject_id=new_id(), slot=0, status="ended", state="{}",
            correlation_id=new_id(), sequence_number=1, started_at=now - timedelta(minutes=9 + number), moved_at=now,
        )
        for number in range(20)
    ]  # fmt: skip
    Saga.objects.bulk_create(ended)
    assert list(overdue_sagas([slow.kind])) == []
    Saga.objects.filter(pk=slow.pk).update(started_at=now - timedelta(hours=1))
    [row] = boss().get(LIST, {"wait": "overdue"}).context["cl"].result_list
    assert row.pk == slow.pk
    assert texts(boss().get(saga_url(order_id)), "overdue")
    [finding] = find_overdue_sagas()
    assert finding.title == "order-fulfilment: 1 take longer than usual"
    cache.clear()


def test_a_muted_saga_says_until_when_and_so_does_the_page_of_its_kind() -> None:
    bank = InMemoryGateway()
    order_id = complete_saga(bank)
    waiting = place_order(("cup", 1), method="", reference="9")
    run_sagas_until_idle(bank)
    reason = "events are restored"
    muting.mute_past(9_999, reason=reason, actor="ada", restoring=True, sagas=bank.saga_registry())
    client = boss()
    assert listed_subjects(client, muted__exact="1") == [waiting]
    assert order_id not in listed_subjects(client, muted__exact="1")
    assert "muted until position 9999" in client.get(saga_url(waiting)).content.decode()
    points = client.get(reverse("admin:process_sagalivepoint_changelist")).content.decode()
    assert "order-fulfilment v2" in points
    assert "waits for the restore to be completed" in points
    assert reason in points
