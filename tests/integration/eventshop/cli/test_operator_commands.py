"""Operators' verbs on the command line: each does what the console does, and refuses what makes no sense."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from eventshop.operations.attention.models import AttentionItem
from eventshop.operations.models import OperatorAction
from eventshop.operations.staff_actors import staff_name
from eventshop.projections import dead_letter_jobs, replays
from eventshop.projections.dead_letter_jobs import Verb
from eventshop.projections.models import DeadLetter, DeadLetterJob, Replay
from eventshop.sagas.models import InboxMessage, Saga
from eventshop.sagas.step_failures import group_failures
from tests.support.failing_projection import Flaky, with_a_dead_letter
from tests.support.sagas import make_suspended_saga
from tests.support.sales import Sale
from tests.support.staff import clerk

pytestmark = pytest.mark.usefixtures("clean_database")

sale = Sale(1)


@pytest.fixture
def flaky() -> Iterator[Flaky]:
    yield from with_a_dead_letter(sale.order_id, sale.created, sale.paid)


@pytest.fixture
def item() -> AttentionItem:
    now = timezone.now()
    return AttentionItem.objects.create(
        key="k", part="kafka", severity=2, title="Kafka is away", since=now, seen_at=now
    )


def run(*arguments: object, **options: Any) -> str:
    out = StringIO()
    call_command(*map(str, arguments), stdout=out, **options)
    return out.getvalue()


def recorded() -> list[tuple[str, str]]:
    return list(OperatorAction.objects.order_by("pk").values_list("action", "reason"))


def asked_of(saga: Saga) -> list[str]:
    """What operators asked of a saga, in order."""
    return list(InboxMessage.objects.filter(saga_id=saga.pk).order_by("heard_at", "pk").values_list("what", flat=True))


@pytest.mark.parametrize("verb", ["retry", "compensate", "resolve"])
def test_a_saga_is_controlled_by_its_id(verb: str) -> None:
    saga = make_suspended_saga(1)
    assert f"{verb} {saga.pk}" in run("control_saga", verb, saga.pk, reason="the gateway is back")
    assert asked_of(saga) == [verb]
    assert [reason for _, reason in recorded()] == ["the gateway is back"]


@pytest.mark.parametrize("verb", ["retry", "compensate", "resolve"])
def test_all_sagas_of_a_cause_are_controlled_by_the_key_that_list_prints(verb: str) -> None:
    sagas = [make_suspended_saga(number) for number in (1, 2)]
    [group] = group_failures()
    assert "charge" in run("control_saga", "list")
    assert "2" in run("control_saga", verb, group=group.key, reason="the gateway is back")
    assert [asked_of(saga) for saga in sagas] == [[verb], [verb]]


@pytest.mark.parametrize(
    "arguments",
    [
        ("explode", uuid4()),
        ("retry",),
        ("retry", "1234"),
        ("retry", uuid4()),
        ("retry", "--group", "nothing"),
        ("retry", uuid4(), "--group", "nothing"),
        ("retry-now", Sale(1).order_id),  # it is suspended, not retrying
        ("resolve", Sale(1).order_id),  # without a reason
    ],
)
def test_a_saga_is_not_controlled_by_wrong_arguments(arguments: tuple[object, ...]) -> None:
    saga = make_suspended_saga(1)
    with pytest.raises(CommandError):
        run("control_saga", *arguments)
    assert not asked_of(saga) and not recorded()


def test_a_job_about_dead_letters_is_cancelled(flaky: Flaky) -> None:
    cause = DeadLetter.objects.earliest("position").fingerprint
    job = dead_letter_jobs.request("flaky", cause, Verb.SKIP, reason="x", requested_by="ada")
    assert "cancelled" in run("cancel_job", "dead-letters", job.pk)
    job.refresh_from_db()
    assert job.state == DeadLetterJob.State.CANCELLED
    with pytest.raises(CommandError):
        run("cancel_job", "dead-letters", job.pk)  # it is over


def test_a_replay_is_cancelled() -> None:
    job = replays.request_dry_run("order-summary", requested_by="ada")
    assert "cancelled" in run("cancel_job", "replay", job.pk)
    job.refresh_from_db()
    assert job.state == Replay.State.CANCELLED
    with pytest.raises(CommandError):
        run("cancel_job", "replay", job.pk)


@pytest.mark.parametrize(
    "arguments", [("replay", 99), ("dead-letters", 99), ("rebuild", 1), ("replay",), ("replay", "x")]
)
def test_no_job_is_cancelled_by_wrong_arguments(arguments: tuple[object, ...]) -> None:
    with pytest.raises(CommandError):
        run("cancel_job", *arguments)
    assert not recorded()


def test_an_item_is_acknowledged_snoozed_and_assigned(item: AttentionItem) -> None:
    clerk()
    assert "Kafka is away" in run("attention", "--acknowledge", item.pk, "--note", "on it")
    assert "30 minutes" in run("attention", "--snooze", item.pk, "--minutes", 30)
    assert "Assigned to clerk" in run("attention", "--assign", item.pk, "--to", "clerk")
    item.refresh_from_db()
    assert item.acknowledged_at and item.snoozed_until and item.note == "on it"
    assert staff_name(item.assigned_to) == "clerk"
    assert [action for action, _ in recorded()] == [
        "acknowledge attention",
        "snooze attention",
        "assign attention",
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--acknowledge", 99),
        ("--assign", "ITEM"),
        ("--assign", "ITEM", "--to", "nobody"),
        ("--snooze", "ITEM", "--minutes", 0),
        ("--snooze", "ITEM", "--minutes", 10**9),
        ("--snooze", "ITEM", "--acknowledge", "ITEM"),
        ("--acknowledge", "x"),
    ],
)
def test_an_item_stays_as_it_is_by_wrong_arguments(arguments: tuple[object, ...], item: AttentionItem) -> None:
    with pytest.raises(CommandError):
        run("attention", *(item.pk if argument == "ITEM" else argument for argument in arguments))
    item.refresh_from_db()
    assert not (item.acknowledged_at or item.snoozed_until or item.assigned_to or recorded())


def test_a_cause_is_retried_and_skipped(flaky: Flaky) -> None:
    cause = DeadLetter.objects.earliest("position").fingerprint
    with pytest.raises(CommandError, match="still fail"):
        run("retry_dead_letters", "flaky", cause=cause)
    assert "0 dead letters folded, 0 remain" in run("retry_dead_letters", "flaky", cause="another")
    assert "skips 1 dead letters" in run("skip_dead_letter", "flaky", cause=cause, reason="x")
    for arguments in (("flaky",), ("nothing", "--cause", cause), ("flaky", "--cause", "another")):
        with pytest.raises(CommandError):
            run("skip_dead_letter", *arguments, reason="x")
