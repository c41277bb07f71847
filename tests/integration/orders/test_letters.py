"""Letters are sent once for each event, by nobody twice, and not about the past."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from smtplib import SMTPDataError
from uuid import UUID

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore.command_dispatcher import send
from eventshop.operations.models import OperatorAction
from eventshop.projections.effects.collecting import mute
from eventshop.projections.effects.performing import MAX_TRIES
from eventshop.projections.effects.worker import perform_effects
from eventshop.projections.models import EffectCursor, ProjectedEffect
from orders.domain.commands import CreateOrder, DeliverOrder, RequestPayment, ShipOrder
from tests.support.api_clients import staff
from tests.support.customers import EMAIL, sign_up
from tests.support.order_payments import decline_payment, pay_order, take_payment
from tests.support.processes import ROOT
from tests.support.sales import LANTERNS, gbp
from users.application.accounts import person_of
from users.application.customer_adapter import newest_events
from users.domain.commands import RestrictProcessing
from users.domain.events import ProcessingRecorded

pytestmark = pytest.mark.usefixtures("clean_database")
State = ProjectedEffect.State


@pytest.fixture
def ada() -> UUID:
    person = person_of(sign_up())
    assert person
    return person


def order(customer: UUID | None, *, days_ago: int = 0) -> UUID:
    order_id = new_id()
    command = CreateOrder(
        order_id, "A-1", customer, (LANTERNS,), delivery_name="Ada Marker", delivery_address="1 Elm St"
    )
    happened = timezone.now() - timedelta(days=days_ago) if days_ago else None
    send(command, envelope=Envelope(new_id(), actor="ada", occurred_at=happened))
    return order_id


def states() -> list[tuple[str, str]]:
    letters = ProjectedEffect.objects.filter(projection="letters").order_by("position")
    return list(letters.values_list("kind", "state"))


def test_a_customer_gets_a_letter_about_each_step_once(ada: UUID) -> None:
    order_id = order(ada)
    send(RequestPayment(order_id, "card"))
    decline_payment(order_id)
    pay_order(order_id)
    send(ShipOrder(order_id, "DHL", "JD14"))
    send(DeliverOrder(order_id))
    perform_effects()
    perform_effects()
    kinds = ["order-confirmed", "payment-failed", "payment-received", "order-shipped", "order-delivered"]
    assert states() == [(kind, State.DONE) for kind in kinds]
    assert [message.to for message in mail.outbox] == [[EMAIL]] * 5
    confirmed, declined, _, shipped, _ = mail.outbox
    assert "WHITE METAL LANTERN" in str(confirmed.body)
    assert "£20.34" in str(confirmed.body)
    assert "insufficient funds" in str(declined.body)
    assert "JD14" in str(shipped.body)
    assert isinstance(confirmed, mail.EmailMultiAlternatives)
    html = str(confirmed.alternatives[0][0])
    assert reverse("orders:order", args=[order_id]) in html
    assert "<script" not in html
    assert len({message.extra_headers["Message-ID"] for message in mail.outbox}) == 5
    letters = [one.event.activity for one in newest_events(ada, ProcessingRecorded, 9)]  # type: ignore[union-attr]
    assert "A letter: your order was shipped" in letters


def test_guests_history_and_the_past_of_a_store_get_none(ada: UUID) -> None:
    order(None)
    order(ada, days_ago=9)
    perform_effects()
    assert states() == []
    late = order(ada)
    EffectCursor.objects.all().delete()
    EffectCursor.objects.create(name="letters", live_from=10**6, live_at=timezone.now())  # as on a store in use
    perform_effects()
    assert (mail.outbox, states()) == ([], [])
    pay_order(late)


def test_collecting_everything_anew_sends_nothing(ada: UUID) -> None:
    order(ada)
    perform_effects()
    ProjectedEffect.objects.all().delete()
    mute("letters")
    perform_effects()
    assert len(mail.outbox) == 1


def test_a_letter_without_a_ground_is_not_sent(ada: UUID) -> None:
    order(ada)
    send(RestrictProcessing(ada, "I object"))
    perform_effects()
    assert states() == [("order-confirmed", State.NOT_NEEDED)]
    assert mail.outbox == []


class RefusingServer(EmailBackend):
    """A mail server that answers each e-mail with the code in `code`, and breaks off in the middle with 0."""

    code = 0

    def send_messages(self, messages: object) -> int:
        if not self.code:
            raise ConnectionResetError
        raise SMTPDataError(self.code, b"no")


class UnreachableServer(EmailBackend):
    def open(self) -> bool:
        raise ConnectionRefusedError


@pytest.mark.parametrize(
    ("server", "code", "state"),
    [
        ("UnreachableServer", 0, State.WAITING),
        ("RefusingServer", 451, State.WAITING),
        ("RefusingServer", 550, State.FAILED),
        ("RefusingServer", 0, State.INTERRUPTED),
    ],
)
def test_only_what_was_certainly_not_taken_is_tried_again(
    ada: UUID, server: str, code: int, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    order(ada)
    monkeypatch.setattr(RefusingServer, "code", code)
    with override_settings(EMAIL_BACKEND=f"{__name__}.{server}"):
        perform_effects()
    assert states() == [("order-confirmed", state)]
    ProjectedEffect.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    perform_effects()
    assert len(mail.outbox) == (1 if state == State.WAITING else 0)


def test_after_three_days_it_has_failed(ada: UUID) -> None:
    order(ada)
    with override_settings(EMAIL_BACKEND=f"{__name__}.UnreachableServer"):
        perform_effects()
        ProjectedEffect.objects.update(due_at=timezone.now() - timedelta(seconds=1), tries=MAX_TRIES - 1)
        perform_effects()
    assert states() == [("order-confirmed", State.FAILED)]


@pytest.mark.parametrize(
    ("point", "sent"), [pytest.param("effect.started", 0, marks=pytest.mark.long), ("effect.performed", 1)]
)
def test_killed_in_the_middle_it_is_not_sent_twice(ada: UUID, database_url: str, point: str, sent: int) -> None:
    order(ada)
    code = "import django; django.setup(); from eventshop.projections.effects.worker import perform_effects as p; p()"
    environment = os.environ | {"DATABASE_URL": database_url, "CRASH_AT": point, "EMAIL_URL": "consolemail://"}
    killed = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert killed.stdout.count("Message-ID") == sent
    ProjectedEffect.objects.update(due_at=timezone.now() - timedelta(seconds=1))  # as if the lease had expired
    perform_effects()
    assert mail.outbox == []
    assert states() == [("order-confirmed", State.INTERRUPTED)]


def test_staff_read_a_letter_and_have_it_sent_again(ada: UUID) -> None:
    order_id = order(ada)
    pay_order(order_id)
    perform_effects()
    effect = ProjectedEffect.objects.get(kind="order-confirmed")
    client = Client()
    client.force_login(staff("clerk", "view_projectedeffect", "repeat_projectedeffect"))
    assert "WHITE METAL LANTERN" in client.get(f"/admin/projection_engine/projectedeffect/{effect.pk}/change/").text
    preview = client.get(reverse("admin:letter_preview", args=[effect.pk]))
    assert "<table>" in preview.text
    body = {"action": "send_again", "_selected_action": [str(effect.pk)]}
    assert client.post("/admin/projection_engine/projectedeffect/", body).status_code == 302
    perform_effects()
    assert len(mail.outbox) == 3
    assert mail.outbox[0].extra_headers["Message-ID"] == mail.outbox[2].extra_headers["Message-ID"]
    assert OperatorAction.objects.filter(action="send letter again").count() == 1


def test_a_letter_that_waits_cannot_be_sent_again(ada: UUID) -> None:
    order(ada)
    with override_settings(EMAIL_BACKEND=f"{__name__}.UnreachableServer"):
        perform_effects()
    client = Client()
    client.force_login(staff("clerk", "view_projectedeffect", "repeat_projectedeffect"))
    effect = ProjectedEffect.objects.get()
    body = {"action": "send_again", "_selected_action": [str(effect.pk)]}
    client.post("/admin/projection_engine/projectedeffect/", body)
    assert OperatorAction.objects.count() == 0


def test_one_payment_of_several_says_what_is_left(ada: UUID) -> None:
    order_id = order(ada)
    send(RequestPayment(order_id, "card", gbp("10.00")))
    take_payment(order_id)
    perform_effects()
    assert "£10.34 is left to pay" in str(mail.outbox[-1].body)
