"""Receipts, accesses, saga steps and certificates are in the signed roots: a changed or removed row is found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Model
from django.utils import timezone

from eventshop.core.messages import new_id
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.models import StoredReceipt
from eventshop.operations import tasks
from eventshop.operations.models import AccessRecord, OperatorAction, SignedRoot
from eventshop.operations.operator_log import record_action
from eventshop.operations.row_retention import delete_expired, registered_retentions
from eventshop.operations.tamper_evidence import sealed_rows, signed_roots
from eventshop.operations.tamper_evidence.key_check import check_signing_key
from eventshop.operations.tamper_evidence.signed_roots import RootFaultKind, sign_new_roots
from eventshop.privacy import signatures
from eventshop.privacy.models import Certificate
from eventshop.privacy.signatures import SigningKeyMissing
from eventshop.projections.models import Checkpoint
from eventshop.sagas.models import Saga, SagaStep
from tests.support.access_log import accesses
from tests.support.event_table_tampering import triggers_disabled
from tests.support.staff import boss, capture_queries
from tests.support.tally_aggregate import Open, tallies

pytestmark = pytest.mark.usefixtures("clean_database")


def accept_command() -> StoredReceipt:
    command_dispatcher.send(Open(tally_id=new_id(), name="x"), registry=tallies)
    return StoredReceipt.objects.latest("position")


def read_events() -> AccessRecord:
    boss().get("/admin/store/storedevent/")
    return accesses()[-1]


def finish_saga() -> SagaStep:
    now = timezone.now()
    saga = Saga.objects.create(
        saga_id=uuid4(),
        kind="test",
        version=1,
        subject_id=uuid4(),
        slot=0,
        status=Saga.Status.ENDED,
        state="{}",
        correlation_id=uuid4(),
        sequence_number=1,
        started_at=now,
        moved_at=now,
    )
    return SagaStep.objects.create(
        step_id=uuid4(),
        saga_id=saga.pk,
        slot=0,
        number=1,
        cause_id=uuid4(),
        sequence_number=1,
        what=SagaStep.Kind.EFFECT,
        name="Pay",
        payload="{}",
        state=SagaStep.State.ANSWERED,
        looked_at_from=now,
        made_at=now,
        answered_at=now,
    )


def certify() -> Certificate:
    return Certificate.objects.create(certificate_id=uuid4(), subject=uuid4(), issued_at=timezone.now(), body="{}")


def pause() -> OperatorAction:
    record_action(actor="staff:1", action="pause projection", target="daily-sales", reason="deployment")
    return OperatorAction.objects.get()


ROWS = [
    *((accept_command, "command_type"), (read_events, "actor"), (finish_saga, "answer"), (pause, "actor")),
    (certify, "body"),
]
IDS = ["receipts", "accesses", "saga steps", "operator actions", "erasure certificates"]


def table_faults() -> list[str]:
    return [fault.table for fault in sealed_rows.find_row_faults(SignedRoot.objects.order_by("number"))]


@pytest.mark.parametrize(("make", "column"), ROWS, ids=IDS)
def test_a_changed_row_and_a_removed_one_are_found(
    make: Callable[[], Model], column: str, request: pytest.FixtureRequest
) -> None:
    row = make()
    [root] = sign_new_roots()
    name = request.node.callspec.id
    assert {entry.name: entry.rows for entry in sealed_rows.entries_of(root)}[name] == 1
    assert table_faults() == []
    call_command("verify_chain", stdout=StringIO())
    table, key = row._meta.db_table, row._meta.pk
    assert key is not None
    where = f'WHERE "{key.column}" = %s'
    value = key.get_db_prep_value(row.pk, connection)
    with triggers_disabled() as cursor:
        cursor.execute(f"UPDATE {table} SET {column} = 'forged' {where}", [value])
    assert table_faults() == [name]
    with triggers_disabled() as cursor:
        cursor.execute(f"DELETE FROM {table} {where}", [value])
    assert table_faults() == [name]
    with pytest.raises(CommandError, match="is gone"):
        call_command("verify_chain", stdout=StringIO())


def test_each_row_is_in_one_root_and_nothing_new_is_no_root() -> None:
    accept_command()
    certify()
    [first] = sign_new_roots()
    statements = capture_queries(lambda: sign_new_roots())
    assert SignedRoot.objects.count() == 1
    assert len(statements) < 15
    read_events()
    [second] = sign_new_roots()
    assert (second.after_position, second.to_position) == (first.to_position, first.to_position)
    assert [entry.rows for entry in sealed_rows.entries_of(second)] == [0, 1, 0, 0, 0, 0]
    assert list(signed_roots.find_faults(SignedRoot.objects.order_by("number"))) == []


def test_a_row_that_is_committed_late_is_in_the_next_root() -> None:
    accept_command()
    sign_new_roots()
    late = certify()
    Certificate.objects.filter(pk=late.pk).update(issued_at=timezone.now() - timedelta(minutes=5))
    [root] = sign_new_roots()
    assert sealed_rows.count_rows([root]) == 1


def test_a_paused_projection_is_something_new() -> None:
    Checkpoint.objects.create(projection="order-summary")
    [before] = sign_new_roots()
    assert sign_new_roots() == []
    Checkpoint.objects.update(position=7)  # no setting
    assert sign_new_roots() == []
    Checkpoint.objects.update(paused=True)
    [after] = sign_new_roots()
    assert sealed_rows.entries_of(after)[-1] != sealed_rows.entries_of(before)[-1]


def test_what_the_retention_deleted_is_no_fault(settings: Any) -> None:
    read_events()
    sign_new_roots()
    SignedRoot.objects.update(taken_at=timezone.now() - timedelta(days=settings.ACCESS_LOG_KEPT_DAYS))
    retention = next(each for each in registered_retentions() if each.name == "remove-old-accesses")
    assert delete_expired(retention, now=timezone.now() + timedelta(days=settings.ACCESS_LOG_KEPT_DAYS + 1)) == 1
    assert table_faults() == []


@pytest.mark.parametrize("change", [{"leaves": b""}, {"leaves": b"x" * 48}])
def test_changed_leaves_are_found(change: dict[str, Any]) -> None:
    certify()
    sign_new_roots()
    SignedRoot.objects.update(**change)
    assert next(signed_roots.find_faults(SignedRoot.objects.all())).kind is RootFaultKind.ROWS


def test_a_root_of_an_earlier_release_is_verified_as_it_was_signed() -> None:
    accept_command()
    [root] = sign_new_roots()
    root.tables, root.leaves = "", b""
    root.signature = signatures.sign(signed_roots.statement_of(root))
    root.save()
    assert b"signed root 1\n" in signed_roots.statement_of(SignedRoot.objects.get())
    certify()
    [second] = sign_new_roots()
    assert b"signed root 2\n" in signed_roots.statement_of(second)
    assert list(signed_roots.find_faults(SignedRoot.objects.order_by("number"))) == []


def test_without_a_key_of_its_own_nothing_is_signed_and_the_start_says_so(settings: Any) -> None:
    accept_command()
    sign_new_roots()
    settings.ROOT_SIGNING_KEY_IS_DERIVED = True
    [warning] = check_signing_key()
    assert warning.hint is not None
    assert "openssl rand -base64 32" in warning.hint and signatures.public_key() in warning.hint
    accept_command()
    with pytest.raises(SigningKeyMissing):
        sign_new_roots()
    call_command("verify_chain", stdout=StringIO())  # the roots of before stay valid
    settings.DEBUG = True
    assert check_signing_key() == []
    assert len(sign_new_roots()) == 1


def test_an_anchor_in_a_file_gets_each_root_once_and_verifies_the_store(settings: Any, tmp_path: Path) -> None:
    path = tmp_path / "roots.jsonl"
    settings.ROOT_ANCHORS = [f"file:{path}"]
    for _ in range(3):
        accept_command()
        tasks.sign_roots()
    assert "handed" not in tasks.sign_roots()
    assert len(path.read_text().splitlines()) == 3
    call_command("verify_chain", "--against", str(path), stdout=StringIO())
    with triggers_disabled() as cursor:
        cursor.execute("UPDATE receipt SET actor = 'forged'")
    SignedRoot.objects.all().delete()
    sign_new_roots()  # an insider signs the forged receipts
    call_command("verify_chain", stdout=StringIO())
    with pytest.raises(CommandError, match="was changed"):
        call_command("verify_chain", "--against", str(path), stdout=StringIO())
