"""What is wrong or late is raised once, told once, handled by staff, and cleared when it is gone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from threading import Thread
from typing import Any, ClassVar

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db.models.functions import Now
from standardwebhooks import Webhook

from eventshop.admin_console.runbook import runbook_entry, runbook_slugs
from eventshop.core.errors import InvalidMessage
from eventshop.operations.attention import actions, notices, watch
from eventshop.operations.attention.find import find_all
from eventshop.operations.attention.findings import Finding
from eventshop.operations.attention.guides import DEFAULT, GUIDES
from eventshop.operations.attention.models import AttentionItem, AttentionNotice
from eventshop.operations.models import OperatorAction, PeriodicWork
from eventshop.operations.objectives import State

pytestmark = pytest.mark.usefixtures("clean_database")

LATE = Finding("relay", "relay", State.DEGRADED, "Events are not published", GUIDES["relay"])
WORSE = LATE._replace(state=State.FAILING)
JOB = Finding("job x", "failed job", State.DEGRADED, "x failed", GUIDES["failed job"])


@pytest.fixture
def told(settings: Any) -> Any:
    settings.ATTENTION_EMAILS, settings.ATTENTION_NOTIFY_AFTER_S = ["ops@example.org"], 0
    return settings


def open_titles() -> list[str]:
    return [item.title for item in watch.open_items()]


def subjects() -> list[str]:
    return [str(letter.subject) for letter in mail.outbox]


def test_every_guide_leads_to_an_entry_of_the_runbook() -> None:
    assert {guide.runbook for guide in [*GUIDES.values(), DEFAULT]} <= runbook_slugs()
    assert "<strong>What is seen</strong>" in runbook_entry(GUIDES["relay"].runbook)


def test_what_is_found_is_open_worst_first_until_it_is_gone() -> None:
    assert str(watch.compare([LATE, JOB._replace(state=State.FAILING)])) == "2 raised, 0 cleared, 2 open"
    assert open_titles() == ["x failed", "Events are not published"]
    assert str(watch.compare([LATE])) == "0 raised, 1 cleared, 1 open"
    assert open_titles() == ["Events are not published"]
    assert str(watch.compare([LATE, JOB])) == "1 raised, 0 cleared, 2 open"
    assert AttentionItem.objects.filter(key="job x").count() == 2


def test_what_was_acknowledged_comes_last_until_it_is_worse() -> None:
    watch.compare([LATE, JOB])
    item = AttentionItem.objects.get(key="relay")
    actions.acknowledge(item.pk, actor="staff:1", note="restarting it")
    assert open_titles() == ["x failed", "Events are not published"]
    assert watch.count_by_view()[watch.ATTENTION_VIEW] == 1
    watch.compare([WORSE, JOB])
    assert open_titles() == ["Events are not published", "x failed"]
    assert watch.count_by_view() == {"ops_periodicwork_changelist": 1, watch.ATTENTION_VIEW: 2}


def test_what_is_done_about_an_item_is_in_the_operator_log() -> None:
    watch.compare([LATE])
    [item] = watch.open_items()
    actions.assign(item.pk, "staff:2", actor="staff:1", note="knows the relay")
    actions.snooze(item.pk, timedelta(hours=1), actor="staff:1")
    item.refresh_from_db()
    assert (item.assigned_to, item.note) == ("staff:2", "knows the relay")
    done = OperatorAction.objects.order_by("pk").values_list("action", "reason", "result")
    assert [row[:2] for row in done] == [("assign attention", "knows the relay"), ("snooze attention", "")]
    assert done[1][2].startswith("until ")
    watch.compare([])
    with pytest.raises(InvalidMessage):
        actions.acknowledge(item.pk, actor="staff:1")


@pytest.mark.parametrize("days", [0, 31])
def test_a_snooze_has_its_limits(days: int) -> None:
    watch.compare([LATE])
    with pytest.raises(InvalidMessage):
        actions.snooze(watch.open_items()[0].pk, timedelta(days=days), actor="staff:1")
    assert not OperatorAction.objects.exists()


def test_raising_and_clearing_are_told_once_each_in_one_letter(told: Any) -> None:
    watch.compare([LATE, JOB])
    assert notices.send_due_notices() == "2 by e-mail"
    assert notices.send_due_notices() == ""
    assert subjects() == ["[EventShop] 2 raised: Events are not published"]
    assert "x failed" in mail.outbox[0].body and mail.outbox[0].to == ["ops@example.org"]
    watch.compare([JOB])
    notices.send_due_notices(), notices.send_due_notices()
    assert subjects()[1:] == ["[EventShop] 1 cleared: Events are not published"]
    watch.compare([LATE, JOB])  # again: another raise, told again
    notices.send_due_notices()
    assert subjects()[2:] == ["[EventShop] 1 raised: Events are not published"]


def test_what_lasts_seconds_or_is_known_is_not_told(told: Any) -> None:
    told.ATTENTION_NOTIFY_AFTER_S = 60
    watch.compare([LATE, JOB])
    assert notices.send_due_notices() == ""
    AttentionItem.objects.update(raised_at=Now() - timedelta(seconds=61))
    actions.acknowledge(AttentionItem.objects.get(key="relay").pk, actor="staff:1")
    actions.snooze(AttentionItem.objects.get(key="job x").pk, timedelta(hours=1), actor="staff:1")
    assert notices.send_due_notices() == ""
    watch.compare([])
    assert notices.send_due_notices() == "" and not mail.outbox


class Receiver(BaseHTTPRequestHandler):
    """Answers with the status that stands next, and keeps what it was sent."""

    statuses: ClassVar[list[int]] = []
    got: ClassVar[list[tuple[dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.got.append((dict(self.headers), body))
        self.send_response(self.statuses.pop(0))
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def test_a_webhook_that_fails_is_told_at_the_next_run_and_the_letter_not_twice(told: Any) -> None:
    secret = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"
    Receiver.statuses, Receiver.got = [503, 204], []
    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        told.ATTENTION_WEBHOOK_URL = f"http://127.0.0.1:{server.server_port}/hook"
        told.ATTENTION_WEBHOOK_SECRET = secret
        watch.compare([LATE])
        assert notices.send_due_notices() == "1 by e-mail; 1 by webhook failed: HTTPStatusError"
        assert notices.send_due_notices() == "1 by webhook"
        server.shutdown()
    assert len(mail.outbox) == 1
    headers, body = Receiver.got[1]
    Webhook(secret).verify(body, {name.lower(): value for name, value in headers.items()})
    assert Receiver.got[0][1] != b"" and Receiver.got[0][0]["webhook-id"] == headers["webhook-id"]
    sent = json.loads(body)
    assert (sent["type"], sent["data"]["title"]) == ("attention.raised", "Events are not published")
    assert set(AttentionNotice.objects.values_list("state", flat=True)) == {"sent"}


def test_a_notice_whose_process_ended_is_not_sent_again(told: Any) -> None:
    watch.compare([LATE])
    AttentionNotice.objects.create(item=AttentionItem.objects.get(), kind="raised", channel="e-mail")
    assert notices.send_due_notices() == "" and not mail.outbox


def test_findings_name_the_job_and_many_projections_are_one(settings: Any) -> None:
    PeriodicWork.objects.create(
        name="take-snapshots", due_at=Now(), failed=True, said="ValueError: no", finished_at=Now()
    )
    PeriodicWork.objects.create(name="close-ledger", due_at=Now(), failed=True, said="open", finished_at=Now())
    found: Sequence[Finding] = find_all()
    states = {finding.title: finding.state for finding in found}
    assert states["take-snapshots failed"] is State.DEGRADED
    assert states["close-ledger failed"] is State.FAILING
    assert len([title for title in states if "projection" in title.lower()]) == 1


def test_a_page_compares_by_itself_only_while_nobody_else_does(django_assert_num_queries: Any) -> None:
    PeriodicWork.objects.create(name=watch.JOB, due_at=Now(), finished_at=Now() - timedelta(seconds=5))
    with django_assert_num_queries(1):
        watch.compare_if_stale()
    PeriodicWork.objects.update(finished_at=Now() - timedelta(minutes=5))
    watch.compare_if_stale()
    assert AttentionItem.objects.exists()


def test_the_command_line_lists_items_and_acknowledges_and_snoozes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    out = StringIO()
    call_command("attention", stdout=out)
    [item] = AttentionItem.objects.filter(part="workers") or AttentionItem.objects.all()[:1]
    assert item.title[:20] in out.getvalue()
    call_command("attention", acknowledge=item.pk, note="known", stdout=out)
    call_command("attention", snooze=item.pk, minutes=5, stdout=out)
    assert "Snoozed for 5 minutes" in out.getvalue()
    assert OperatorAction.objects.filter(reason="known").count() == 1
    for wrong in ({"acknowledge": 0}, {"snooze": item.pk, "minutes": 10**12}, {"snooze": item.pk, "minutes": 0}):
        with pytest.raises(CommandError):
            call_command("attention", **wrong)
