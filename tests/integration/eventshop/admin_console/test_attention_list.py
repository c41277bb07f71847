"""Staff see what needs attention on the first page, and acknowledge, snooze and assign it there."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from eventshop.operations.attention import watch
from eventshop.operations.attention.findings import Finding
from eventshop.operations.attention.guides import GUIDES
from eventshop.operations.attention.models import AttentionItem
from eventshop.operations.models import OperatorAction, PeriodicWork
from eventshop.operations.objectives import State
from tests.support.pages import find, texts
from tests.support.staff import actor_of, boss, capture_queries, clerk, message_levels

pytestmark = pytest.mark.usefixtures("clean_database")

INDEX = reverse("admin:index")
LETTERS = Finding(
    "dead letters daily-sales", "dead letters", State.DEGRADED, "daily-sales has set 2 events aside",
    GUIDES["dead letters"], number=2, query="projection=daily-sales",
)  # fmt: skip
RELAY = Finding("relay", "relay", State.FAILING, "Events are not published", GUIDES["relay"])


@pytest.fixture
def item() -> AttentionItem:
    """One open item; the periodic job has compared just now."""
    PeriodicWork.objects.create(name=watch.JOB, due_at=timezone.now(), finished_at=timezone.now())
    watch.compare([LETTERS])
    return AttentionItem.objects.get()


def url(item: AttentionItem, action: str) -> str:
    return reverse(f"admin:ops_attentionitem_{action}", args=(item.pk,))


def test_the_first_page_has_each_item_with_the_step_that_helps(item: AttentionItem) -> None:
    watch.compare([LETTERS, RELAY])
    page = boss().get(INDEX)
    [text] = texts(page, "attention")
    assert text.index("Events are not published") < text.index("daily-sales has set 2 events aside")
    assert "manage.py relay" in text
    assert find(page, href="/admin/projection_engine/deadletter/?projection=daily-sales")
    entries = [entry for section in page.context["sidebar_navigation"] for entry in section["items"]]
    badges = {str(entry["title"]): entry.get("badge") for entry in entries}
    assert (badges["Needs attention"], badges["Dead letters"]) == (2, 2)


def test_the_first_page_asks_little(item: AttentionItem) -> None:
    client = boss()
    client.get(INDEX)
    assert len(capture_queries(lambda: client.get(INDEX))) <= 20


def test_nothing_wrong_is_said(item: AttentionItem) -> None:
    watch.compare([])
    assert find(boss().get(INDEX), "nothing-wrong")


def test_an_item_is_acknowledged_snoozed_and_assigned_in_its_dialogs(item: AttentionItem) -> None:
    client, ada = boss(), User.objects.create_user("ada", is_staff=True)
    assert client.get(url(item, "acknowledge")).status_code == 200
    assert message_levels(client.post(url(item, "acknowledge"), {"note": "known"}, follow=True)) == ["success"]
    [row] = client.get(INDEX).context["known_attention"]
    assert (row.item.acknowledged_by, row.item.note) == (actor_of("boss"), "known")
    client.post(url(item, "assign"), {"to": ada.pk, "note": ""})
    client.post(url(item, "snooze"), {"minutes": "60", "note": ""})
    item.refresh_from_db()
    assert item.assigned_to == actor_of("ada") and item.snoozed_until
    assert OperatorAction.objects.count() == 3
    assert client.post(url(item, "snooze"), {"minutes": "61"}).context["form"].errors
    assert client.post(url(item, "assign"), {"to": 0}).context["form"].errors


def test_a_page_that_stays_open_follows(item: AttentionItem) -> None:
    follow = reverse("admin:ops_attentionitem_now")
    assert clerk("view_dailysales").get(follow).status_code == 403
    page = clerk("view_attentionitem").get(follow)
    assert page.status_code == 200 and "acknowledge" not in page.content.decode()


def test_an_item_has_its_runbook_entry_and_what_is_over_has_no_buttons(item: AttentionItem) -> None:
    client = boss()
    page = client.get(url(item, "change"))
    assert "retry_dead_letters" in texts(page, "runbook")[0]
    assert find(page, href=url(item, "snooze"))
    watch.compare([])
    assert not find(client.get(url(item, "change")), href=url(item, "snooze"))
    assert message_levels(client.post(url(item, "acknowledge"), {"note": ""}, follow=True)) == ["error"]
