"""Signed roots that are kept outside reveal changed, removed and re-signed events."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.urls import reverse
from django.utils.html import escape

from eventshop.core.errors import InvalidMessage
from eventshop.core.messages import new_id
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.event_store import store
from eventshop.eventstore.hash_chain.chain import GENESIS_HASH, hash_event
from eventshop.eventstore.hash_chain.parallel_verification import verify_chains
from eventshop.operations import tasks
from eventshop.operations.models import PeriodicWork, SignedRoot
from eventshop.operations.tamper_evidence import signed_roots
from eventshop.operations.tamper_evidence.signed_roots import RootFaultKind, sign_new_roots
from eventshop.privacy import signatures
from tests.support.command_output import numbers_in
from tests.support.customers import sign_in_customer
from tests.support.erasures import erase_person
from tests.support.event_table_tampering import triggers_disabled
from tests.support.raised import caused_by
from tests.support.staff import boss, clerk
from tests.support.tally_aggregate import Count, Open, pounds, tallies

pytestmark = pytest.mark.usefixtures("clean_database")


def create_tally(times: int = 4) -> UUID:
    tally_id = new_id()
    command_dispatcher.send(Open(tally_id=tally_id, name="x"), registry=tallies)
    count_up(tally_id, times)
    return tally_id


def count_up(tally_id: UUID, times: int = 1) -> None:
    command_dispatcher.send(Count(tally_id=tally_id, amount=pounds("1.50"), times=times), registry=tallies)


def delete_events_after(tally_id: UUID, after: int) -> None:
    with triggers_disabled() as cursor:
        cursor.execute("DELETE FROM event WHERE aggregate_id = %s AND version > %s", [stored_id(tally_id), after])


def stored_id(value: UUID) -> Any:
    return value if connection.vendor == "postgresql" else value.hex


def forge_event(tally_id: UUID, version: int) -> None:
    """Change an event and recompute all hashes after it."""
    rows = list(store.read_rows(tally_id))
    previous = rows[version - 2].hash if version > 1 else GENESIS_HASH
    with triggers_disabled() as cursor:
        for row in rows[version - 1 :]:
            payload = row.payload.replace("1.50", "9.99")
            previous = hash_event(previous, row._replace(payload=payload))
            cursor.execute(
                "UPDATE event SET payload = %s, hash = %s WHERE position = %s", [payload, previous, row.position]
            )


def run_verify(*arguments: object) -> str:
    out = StringIO()
    call_command("verify_chain", *map(str, arguments), stdout=out)
    return out.getvalue()


def find_fault_of(stream: UUID, *arguments: object) -> str:
    """The text of the refusal, which names the stream of the first fault."""
    with pytest.raises(CommandError, match=str(stream)) as refused:
        run_verify(*arguments)
    return str(refused.value)


def assert_only_the_signature_tells(stream: UUID, version: int, *arguments: object) -> None:
    """The hash of this version is not the one that was signed, while the chain by itself is whole."""
    assert verify_chains().faults == []
    assert numbers_in(find_fault_of(stream, *arguments))[:2] == [1, version]


def first_root_fault() -> tuple[int, RootFaultKind]:
    """The number and the kind of the first fault of the stored roots, which the command reports first."""
    fault = next(signed_roots.find_faults(SignedRoot.objects.order_by("number")))
    with pytest.raises(CommandError) as refused:
        run_verify()
    assert fault.description in str(refused.value)
    return fault.number, fault.kind


def export_roots(folder: Path) -> Path:
    path = folder / f"{new_id()}.jsonl"
    call_command("export_roots", str(path), stdout=StringIO())
    return path


def test_a_root_covers_what_was_appended_since_the_one_before_it() -> None:
    one, other = create_tally(), create_tally()
    [first] = sign_new_roots()
    assert (first.number, first.after_position, first.to_position, first.streams) == (1, 0, 10, 2)
    count_up(one)
    [second] = sign_new_roots()
    assert (second.number, second.after_position, second.to_position, second.streams) == (2, 10, 11, 1)
    assert sign_new_roots() == []
    newest = {
        head.aggregate_id: head.version for head in signed_roots.newest_heads(SignedRoot.objects.order_by("number"))
    }
    assert newest == {one: 6, other: 5}
    assert numbers_in(run_verify().splitlines()[-2])[:3] == [11, 2, 2]  # events, streams, signed ones


def test_many_events_are_signed_in_roots_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = [create_tally() for _ in range(5)]
    monkeypatch.setattr(signed_roots, "MAX_POSITIONS_PER_ROOT", 10)
    assert [root.to_position for root in sign_new_roots()] == [10, 20, 25]
    assert list(signed_roots.find_faults(SignedRoot.objects.order_by("number"))) == []
    assert len(signed_roots.newest_heads(SignedRoot.objects.order_by("number"))) == len(streams)


def test_a_tail_that_was_cut_off_is_found() -> None:
    create_tally()
    stream = create_tally()
    sign_new_roots()
    delete_events_after(stream, after=3)
    assert numbers_in(find_fault_of(stream)) == [1, 3, 5]  # faults, the last version, the signed one


def test_a_stream_that_is_gone_as_a_whole_is_found() -> None:
    create_tally()
    stream = create_tally()
    sign_new_roots()
    delete_events_after(stream, after=0)
    assert numbers_in(find_fault_of(stream)) == [1, 5]  # faults, the signed version


def test_a_tail_that_was_cut_off_and_grew_again_is_found() -> None:
    stream = create_tally()
    sign_new_roots()
    delete_events_after(stream, after=4)
    count_up(stream, times=3)
    assert_only_the_signature_tells(stream, version=5)


def test_a_forged_history_with_right_hashes_is_found() -> None:
    stream = create_tally()
    sign_new_roots()
    forge_event(stream, 3)
    assert_only_the_signature_tells(stream, version=5)


def test_whoever_holds_yesterdays_file_can_prove_what_insiders_changed_and_signed_again(tmp_path: Path) -> None:
    stream, untouched = create_tally(), create_tally()
    kept, key = export_roots(tmp_path), signatures.public_key()
    run_verify("--against", kept, "--public-key", key)
    forge_event(stream, 3)
    SignedRoot.objects.all().delete()
    sign_new_roots()  # with the system's own key
    run_verify()
    assert_only_the_signature_tells(stream, 5, "--against", kept, "--public-key", key)
    count_up(untouched)


def test_what_came_after_a_kept_file_is_no_fault(tmp_path: Path) -> None:
    stream = create_tally()
    kept = export_roots(tmp_path)
    count_up(stream)
    create_tally()
    run_verify("--against", kept)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"to_position": 9}, RootFaultKind.SIGNATURE),
        ({"signature": b"x" * 64}, RootFaultKind.SIGNATURE),
        ({"heads": b""}, RootFaultKind.HEADS),
        ({"public_key": "00" * 32}, RootFaultKind.UNKNOWN_KEY),
        ({"previous": b"x" * 32}, RootFaultKind.UNLINKED),
    ],
)
def test_a_changed_root_is_found(change: dict[str, Any], found: RootFaultKind) -> None:
    create_tally()
    sign_new_roots()
    SignedRoot.objects.update(**change)
    assert first_root_fault() == (1, found)


def test_a_removed_root_is_found() -> None:
    for _ in range(3):
        create_tally()
        sign_new_roots()
    SignedRoot.objects.filter(number=2).delete()
    assert first_root_fault() == (2, RootFaultKind.MISSING)


def test_roots_of_a_former_key_count_while_the_settings_name_it(settings: Any) -> None:
    create_tally()
    sign_new_roots()
    former = signatures.public_key()
    settings.ROOT_SIGNING_KEY = b"n" * 32
    assert first_root_fault() == (1, RootFaultKind.UNKNOWN_KEY)
    settings.FORMER_ROOT_KEYS = [former]
    run_verify()


def test_erasing_a_person_breaks_no_chain_and_no_root(settings: Any, tmp_path: Path) -> None:
    settings.KEY_CACHE_SECONDS = 0
    settings.ERASURE_LIST = str(tmp_path / "erased.txt")
    _, person = sign_in_customer()
    kept = export_roots(tmp_path)
    erase_person(person)
    sign_new_roots()
    run_verify()
    run_verify("--against", kept)


@pytest.mark.parametrize("text", ["no json", "{}", '{"number": 1}'])
def test_a_file_that_holds_no_roots_is_refused_by_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "roots.jsonl"
    path.write_text(text)
    with pytest.raises(CommandError, check=caused_by(InvalidMessage, line=1)):
        run_verify("--against", path)
    with pytest.raises(CommandError, check=caused_by(FileNotFoundError)):
        run_verify("--against", tmp_path / "none")
    with pytest.raises(CommandError, check=caused_by(FileExistsError)):
        call_command("export_roots", str(path))


def test_roots_are_signed_once_in_each_interval() -> None:
    create_tally()
    tasks.do_periodic_work()
    assert numbers_in(PeriodicWork.objects.get(name="sign-roots").said) == [1, 1]  # roots, the last one's number
    create_tally()
    tasks.do_periodic_work()
    assert SignedRoot.objects.count() == 1


def test_staff_see_roots_and_take_the_file_away(tmp_path: Path) -> None:
    stream = create_tally()
    sign_new_roots()
    client = clerk("view_signedroot")
    listed = client.get(reverse("admin:ops_signedroot_changelist")).content.decode()
    assert signatures.public_key() in listed
    assert "valid" in listed and "invalid" not in listed
    shown = client.get(reverse("admin:ops_signedroot_change", args=(1,))).content.decode()
    for line in signed_roots.statement_of(SignedRoot.objects.get()).decode().splitlines():
        assert escape(line) in shown
    path = tmp_path / "roots.jsonl"
    path.write_bytes(client.get(reverse("admin:ops_signedroot_export")).getvalue())
    run_verify("--against", path)
    delete_events_after(stream, after=1)
    assert numbers_in(find_fault_of(stream, "--against", path)) == [1, 1, 5]


def test_nobody_else_sees_them_and_nobody_changes_them() -> None:
    create_tally()
    sign_new_roots()
    for name in ("changelist", "export"):
        assert clerk().get(reverse(f"admin:ops_signedroot_{name}")).status_code == 403
    assert boss().post(reverse("admin:ops_signedroot_change", args=(1,)), {}).status_code == 403
    SignedRoot.objects.update(to_position=4)
    assert "invalid" in boss().get(reverse("admin:ops_signedroot_changelist")).content.decode()
