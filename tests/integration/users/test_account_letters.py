"""Letters about accounts: consents that end, changed details, new tokens, erasures. And trade confirmations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.core import mail
from django.utils import timezone

from eventshop.eventstore.command_dispatcher import send
from eventshop.projections.effects.worker import perform_effects
from eventshop.projections.models import ProjectedEffect
from eventshop.web.models import ApiToken
from tests.support.customers import EMAIL, PASSWORD, link_in_email, sign_in_customer, sign_up
from tests.support.erasures import request_erasure
from tests.support.pages import find
from tests.support.trade_commands import submit_trade
from trading.domain.commands import OpenAccount
from users.application.accounts import person_of
from users.application.erasure_handlers import erase_personal_data
from users.domain.commands import CancelErasure, ChangeContactDetails, GrantConsent, RequestErasure, WithdrawConsent
from users.sagas.erasure_effects import EraseTraces

pytestmark = pytest.mark.usefixtures("clean_database")
TERM = "DirectMarketing"


@pytest.fixture
def ada() -> UUID:
    person = person_of(sign_up())
    assert person
    return person


def agree(person: UUID, *, days: int) -> None:
    now = datetime.now(UTC)
    send(GrantConsent(person, TERM, "2026-01", at=now, expires_at=now + timedelta(days=days)))


def subjects() -> list[str]:
    return [str(message.subject) for message in mail.outbox]


def test_a_consent_that_is_about_to_end_is_told_of_two_weeks_before(ada: UUID) -> None:
    agree(ada, days=100)
    perform_effects()
    assert mail.outbox == []
    [letter] = ProjectedEffect.objects.all()
    assert letter.due_at == pytest.approx(timezone.now() + timedelta(days=86), abs=timedelta(minutes=10))
    ProjectedEffect.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    perform_effects()
    assert "Your consent ends" in subjects()[0]


def test_nothing_is_said_of_a_consent_that_was_withdrawn(ada: UUID) -> None:
    agree(ada, days=10)
    send(WithdrawConsent(ada, TERM))
    perform_effects()
    assert mail.outbox == []
    assert ProjectedEffect.objects.get().state == ProjectedEffect.State.NOT_NEEDED


def test_the_former_address_is_told_of_a_change_whoever_made_it(ada: UUID) -> None:
    send(ChangeContactDetails(ada, "new@example.org", "Ada Marker", "", "", source="staff"))
    perform_effects()
    assert mail.outbox[0].to == [EMAIL]
    assert "e-mail address" in str(mail.outbox[0].body)
    assert "new@example.org" in str(mail.outbox[0].body)


def test_a_new_token_is_told_to_its_owner() -> None:
    client, _ = sign_in_customer()
    form = {"name": "<b>x</b>", "days": "30", "scopes": ["orders:read"], "password": PASSWORD}
    client.post("/account/tokens/", form)
    assert mail.outbox[-1].to == [EMAIL]
    assert ApiToken.objects.get().begins in str(mail.outbox[-1].body)
    assert "<b>" not in str(mail.outbox[-1].message())


def test_an_erasure_that_was_cancelled_is_confirmed(ada: UUID) -> None:
    now = timezone.now()
    send(RequestErasure(ada, at=now, due_at=now + timedelta(days=3)))
    send(CancelErasure(ada))
    perform_effects()
    assert subjects() == ["Your account stays"]


def test_the_last_letter_is_sent_before_the_address_is_erased(ada: UUID, settings: object) -> None:
    settings.KEY_CACHE_SECONDS = 0  # type: ignore[attr-defined]
    request_erasure(ada)
    erase_personal_data(EraseTraces(ada), ada)
    assert subjects() == ["Your data is being erased"]
    assert mail.outbox[0].to == [EMAIL]
    assert link_in_email().startswith("/erasure/")
    ProjectedEffect.objects.update(state=ProjectedEffect.State.WAITING, due_at=timezone.now())
    perform_effects()
    assert len(mail.outbox) == 1
    assert ProjectedEffect.objects.get().state == ProjectedEffect.State.NOT_NEEDED


def test_each_execution_is_confirmed_to_the_owner_of_the_account(ada: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    account = UUID(int=7, version=4)
    send(OpenAccount(account, "ADA-1", ada, "USDT", Decimal(100_000)))
    monkeypatch.setattr("tests.support.trade_commands.OCCURRED_AT", timezone.now())
    submit_trade("T-1", ("50000", "1"), ("50010", "0.5"), account=account)
    perform_effects()
    assert subjects() == ["Trade confirmation T-1"]
    assert "50,010.00" in str(mail.outbox[0].body)


def test_the_page_of_tokens_offers_only_scopes_that_its_owner_can_use() -> None:
    client, _ = sign_in_customer()
    offered = {box.attributes["value"] for box in find(client.get("/account/tokens/"), name="scopes")}
    assert "orders:write" in offered
    assert "operations:write" not in offered
    form = {"name": "x", "days": "30", "scopes": ["operations:write"], "password": PASSWORD}
    client.post("/account/tokens/", form)
    assert not ApiToken.objects.exists()
