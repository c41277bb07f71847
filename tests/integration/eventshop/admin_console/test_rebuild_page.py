"""The page of a rebuild: followed live, controlled, compared, switched and undone; the same from the command line."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from eventshop.messaging.database_event_log import DatabaseEventLog
from eventshop.operations.models import OperatorAction
from eventshop.projections import kept_rows
from eventshop.projections.models import Rebuild
from eventshop.projections.rebuild import rebuild, request_rebuild
from eventshop.projections.targets import discard, rebuild_target
from projections.models import OrderSummary
from projections.order_summary import order_summary
from tests.support.pages import texts
from tests.support.read_models import append, assert_rows_equal_fold, catch_up
from tests.support.sales import Sale
from tests.support.staff import clerk

pytestmark = pytest.mark.usefixtures("clean_database")

sale = Sale(1)
State = Rebuild.State


def run_command(*words: str) -> str:
    output = StringIO()
    call_command(*words, stdout=output)
    return output.getvalue()


@pytest.fixture
def job(clean_database: None) -> Rebuild:
    """A rebuild to be switched by hand; it changes one row."""
    discard(rebuild_target(order_summary))
    kept_rows.forget(order_summary)
    append(sale.order_id, sale.created, sale.paid)
    catch_up(order_summary)
    OrderSummary.objects.update(reference="tampered")
    return request_rebuild("order-summary", requested_by="ada", reason="drift", by_hand=True)


def run() -> Rebuild:
    return rebuild(order_summary, DatabaseEventLog(), requested_by="ada")


def address(job: Rebuild, action: str = "change") -> str:
    return reverse(f"admin:projection_engine_rebuild_{action}", args=(job.pk,))


def buttons(page: str) -> set[str]:
    return set(re.findall(r'href="/admin/projection_engine/rebuild/\d+/(\w+)/?"', page)) & {
        *("pause", "resume", "throttle", "cancel", "switch", "undo")
    }


def test_a_rebuild_is_watched_controlled_compared_and_undone(job: Rebuild) -> None:
    client = clerk("view_rebuild", "rebuild_projection", "view_ordersummary")
    page = client.get(address(job)).content.decode()
    assert 'data-live="1"' in page
    assert buttons(page) == {"pause", "throttle", "cancel"}
    assert client.post(address(job, "throttle"), {"events_per_s": "5000"}).status_code == 302
    client.post(address(job, "pause"), {"reason": "the shop is busy"})
    assert run().state == State.PAUSED
    assert buttons(client.get(address(job)).content.decode()) == {"resume", "throttle", "cancel"}
    client.post(address(job, "resume"))
    assert run().state == State.READY
    answer = client.get(address(job))
    assert texts(answer, "difference") == ["0 / 1 / 0"]
    assert "tampered" in answer.content.decode()
    assert "tampered" not in clerk("view_rebuild").get(address(job)).content.decode()
    client = clerk("view_rebuild", "rebuild_projection")
    client.post(address(job, "switch"), {"reason": "looks right"})
    assert run().state == State.DONE
    assert_rows_equal_fold(order_summary)
    page = client.get(address(job)).content.decode()
    assert ("data-live" in page, buttons(page)) == (False, {"undo"})
    client.post(address(job, "undo"), {"reason": "the reference was right"})
    assert run().undoes == job
    assert OrderSummary.objects.get().reference == "tampered"
    recorded = list(OperatorAction.objects.order_by("pk").values_list("action", "reason", "result"))
    assert recorded == [
        ("throttle rebuild", "", "5000 events/s"),
        ("pause rebuild", "the shop is busy", ""),
        ("resume rebuild", "", ""),
        ("switch rebuild", "looks right", ""),
        ("undo rebuild", "the reference was right", ""),
    ]


def test_nobody_controls_a_rebuild_without_the_right_or_in_the_wrong_state(job: Rebuild) -> None:
    assert clerk("view_rebuild").post(address(job, "cancel"), {"reason": "no"}).status_code == 403
    client = clerk("view_rebuild", "rebuild_projection")
    assert client.post(address(job, "cancel"), {"reason": " "}).context["form"].errors
    assert "switch" not in buttons(client.get(address(job)).content.decode())
    answer = client.post(address(job, "switch"), {"reason": "now"}, follow=True)
    assert "cannot be switched" in answer.content.decode()
    assert not OperatorAction.objects.exists()
    client.post(address(job, "cancel"), {"reason": "not today"})
    assert Rebuild.objects.get().state == State.CANCELLED


def test_the_command_line_has_the_same_verbs(job: Rebuild) -> None:
    run_command("control_rebuild", "throttle", str(job.pk), "--events-per-second", "100000")
    assert "ready" in run_command("rebuild_projection", "order-summary")
    assert "order-summary" in run_command("control_rebuild", "list")
    with pytest.raises(CommandError, match="reason"):
        run_command("control_rebuild", "switch", str(job.pk))
    run_command("control_rebuild", "switch", str(job.pk), "--reason", "looks right")
    assert "rebuilt" in run_command("rebuild_projection", "order-summary")
    assert "undoes" in run_command("control_rebuild", "undo", str(job.pk), "--reason", "no")
    run_command("rebuild_projection", "order-summary")
    assert OrderSummary.objects.get().reference == "tampered"
    with pytest.raises(CommandError, match="no rebuild"):
        run_command("control_rebuild", "pause", "999999")


def test_a_projection_is_reset_to_a_time(job: Rebuild) -> None:
    run_command("control_rebuild", "cancel", str(job.pk), "--reason", "no")
    run_command("rebuild_projection", "order-summary", "--up-to", "2001-01-01", "--reason", "fold it all again")
    assert not OrderSummary.objects.exists()
    assert OperatorAction.objects.latest("pk").action == "reset projection"
    assert catch_up(order_summary) == 2
    assert_rows_equal_fold(order_summary)
    with pytest.raises(CommandError, match="position or a time"):
        run_command("rebuild_projection", "order-summary", "--up-to", "yesterday")
