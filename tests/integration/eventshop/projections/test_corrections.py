"""An operator corrects a dead letter for one projection: every fold reads the correction, and the event stays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from eventshop.core.errors import InvalidMessage, ProjectionError
from eventshop.eventstore.models import StoredEvent
from eventshop.messaging.database_event_log import DatabaseEventLog
from eventshop.operations.models import OperatorAction
from eventshop.projections import corrections, dead_letter_retry
from eventshop.projections.historical_queries import dry_run, rows_as_of
from eventshop.projections.models import DeadLetter, EventCorrection, Rebuild
from eventshop.projections.rebuild import rebuild, request_rebuild
from eventshop.projections.row_repair import check_rows
from projections.models import OrderSummary
from projections.order_summary import order_summary
from tests.support.failing_projection import Broken, Flaky, register_temporarily, retry
from tests.support.read_models import append, catch_up
from tests.support.sales import Sale
from tests.support.staff import clerk

pytestmark = pytest.mark.usefixtures("clean_database")

sale = Sale(1)
CORRECTED = "of a correction"


@pytest.fixture
def flaky() -> Iterator[Flaky]:
    """An order summary that cannot digest the reference of the sale."""
    for flaky in register_temporarily(Flaky(order_summary)):

        def refuse(row: Any) -> None:
            if row.reference != CORRECTED:
                raise Broken(row.reference)

        flaky.spoils[sale.order_id, 1] = refuse
        append(sale.order_id, sale.created, sale.paid)
        catch_up(flaky.projection)
        yield flaky


def event_id() -> UUID:
    return StoredEvent.objects.get(aggregate_id=sale.order_id, version=1).event_id


def propose(flaky: Flaky, **fields: Any) -> EventCorrection:
    return corrections.propose(
        flaky.projection.name, event_id(), fields or {"reference": CORRECTED}, reason="mistyped", actor="staff:1"
    )


def test_every_fold_reads_the_correction_and_the_event_stays(flaky: Flaky) -> None:
    before = StoredEvent.objects.get(version=1).payload
    propose(flaky)
    assert retry(flaky).remaining == 0
    assert OrderSummary.objects.get().reference == CORRECTED
    assert not dry_run(flaky.projection).has_differences
    assert check_rows(flaky.projection, DatabaseEventLog(), key=str(sale.order_id)).changed == 0
    assert rows_as_of(flaky.projection, timezone.now())[sale.order_id].reference == CORRECTED
    OrderSummary.objects.all().delete()
    assert rebuild(flaky.projection, DatabaseEventLog(), requested_by="ada").added == 1
    assert (OrderSummary.objects.get().reference, DeadLetter.objects.count()) == (CORRECTED, 0)
    request_rebuild("flaky", requested_by="ada", reason="reset", up_to=0)
    rebuild(flaky.projection, DatabaseEventLog(), requested_by="ada")
    catch_up(flaky.projection)  # the live rows meet the event once more
    assert (OrderSummary.objects.get().reference, DeadLetter.objects.count()) == (CORRECTED, 0)
    assert StoredEvent.objects.get(version=1).payload == before


def test_a_second_person_approves_where_the_setting_asks(flaky: Flaky, settings: Any) -> None:
    settings.CORRECTIONS_NEED_APPROVAL = True
    row = propose(flaky)
    assert retry(flaky).folded == 0
    changes = {event_id(): json.loads(row.changes)}
    assert dead_letter_retry.preview_retry("flaky", sale.order_id, changes).folded == 2
    with pytest.raises(ProjectionError, match="second person"):
        corrections.approve(row, actor="staff:1")
    corrections.approve(row, actor="staff:2")
    assert retry(flaky).folded == 2
    with pytest.raises(ProjectionError, match="already"):
        corrections.approve(row, actor="staff:3")


def test_a_withdrawn_correction_is_gone_by_a_rebuild_if_it_was_folded(flaky: Flaky) -> None:
    assert corrections.withdraw(propose(flaky), reason="a typing error", actor="ada") is None
    assert retry(flaky).folded == 0
    row = propose(flaky)
    retry(flaky)
    with pytest.raises(InvalidMessage):
        corrections.withdraw(row, reason=" ", actor="ada")
    job = corrections.withdraw(row, reason="it was right", actor="ada")
    assert job is not None
    assert job.projection == "flaky"
    with pytest.raises(ProjectionError, match="being rebuilt"):
        propose(flaky)


@pytest.mark.parametrize(
    "fields",
    [{"nothing": 1}, {"lines": "none"}, {"reference": 7}, {"reference": ""}, {"order_id": "x"}],
    ids=["unknown", "no list", "no text", "empty", "no id"],
)
def test_what_the_event_could_not_hold_is_refused(flaky: Flaky, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidMessage):
        propose(flaky, **fields)
    assert not EventCorrection.objects.exists()


def test_what_does_not_differ_or_is_no_dead_letter_is_refused(flaky: Flaky) -> None:
    with pytest.raises(InvalidMessage, match="nothing differs"):
        propose(flaky, **corrections.read_fields(DeadLetter.objects.earliest("position").position))
    propose(flaky)
    retry(flaky)
    with pytest.raises(ProjectionError, match="no dead letter"):
        propose(flaky)


def test_staff_correct_look_and_approve(flaky: Flaky, settings: Any) -> None:
    settings.CORRECTIONS_NEED_APPROVAL = True
    letter = DeadLetter.objects.earliest("position")
    form = reverse("admin:projection_engine_deadletter_correct", args=(letter.pk,))
    assert clerk("view_deadletter").get(form).status_code == 403
    client = clerk("view_deadletter", "correct_dead_letters", "view_eventcorrection", "approve_corrections")
    fields = client.get(form).context["form"].initial["fields_json"]
    assert client.post(form, {"fields_json": "[1]", "reason": "mistyped"}).context["form"].errors
    values = {"fields_json": json.dumps({**fields, "reference": CORRECTED}), "reason": "mistyped"}
    page = client.post(form, values).headers["Location"]
    shown = client.get(page + "?dry-run")
    assert (shown.context["preview"].folded, [name for name, *_ in shown.context["fields"]]) == (2, ["Reference"])
    row = EventCorrection.objects.get()
    client.post(reverse("admin:projection_engine_eventcorrection_approve", args=(row.pk,)))
    row.refresh_from_db()
    assert row.approved_at is None  # it is their own
    EventCorrection.objects.update(made_by="staff:2")
    client.post(reverse("admin:projection_engine_eventcorrection_approve", args=(row.pk,)))
    assert retry(flaky).folded == 2
    client.post(reverse("admin:projection_engine_eventcorrection_withdraw", args=(row.pk,)), {"reason": "no"})
    assert Rebuild.objects.get().projection == "flaky"
    assert list(OperatorAction.objects.order_by("pk").values_list("action", flat=True)) == [
        "correct dead letter",
        "approve correction",
        "withdraw correction",
    ]


def test_the_command_line_corrects_too(flaky: Flaky) -> None:
    output, arguments = StringIO(), ("correct_dead_letter", "flaky", str(event_id()))
    with pytest.raises(CommandError, match="reason"):
        call_command(*arguments, "--fields", json.dumps({"reference": CORRECTED}))
    for text in ("[]", "{"):
        with pytest.raises(CommandError, match="JSON"):
            call_command(*arguments, "--fields", text, "--reason", "mistyped")
    call_command(*arguments, "--fields", json.dumps({"reference": CORRECTED}), "--reason", "mistyped", stdout=output)
    assert "holds" in output.getvalue()
    call_command(*arguments, "--withdraw", "--reason", "no", stdout=output)
    with pytest.raises(CommandError, match="no correction"):
        call_command(*arguments, "--approve")
