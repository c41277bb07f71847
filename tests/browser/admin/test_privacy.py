"""The privacy desk in a real browser: every page clean, and a look behind the mask through its dialog."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Browser, expect

from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from eventshop.privacy.models import Certificate
from tests.support.browser import Visitor, serve
from tests.support.erasures import erase_person
from tests.support.staff import PASSWORD, update_read_models
from users.domain.commands import CreateUser, GrantConsent

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("clean_database")]

#: Of the windows in which staff work.


class Desk(NamedTuple):
    address: str
    ada: UUID
    gone: UUID


@pytest.fixture
def desk(clean_database: None, settings: Any, tmp_path: Path) -> Iterator[Desk]:
    """Ada, who agreed to something, and somebody who is erased."""
    settings.KEY_CACHE_SECONDS = 0
    settings.ERASURE_LIST = str(tmp_path / "erased.txt")
    User.objects.create_superuser("boss", password=PASSWORD)
    ada, gone, now = uuid4(), uuid4(), timezone.now()
    send(CreateUser(ada, "ada@example.org", "Ada Lovelace", "+44 20 7946 0001"))
    send(GrantConsent(ada, "DirectMarketing", "2026-01", at=now, expires_at=now + timedelta(days=730)))
    send(CreateUser(gone, "bob@example.org", "Bob"))
    erase_person(gone)
    update_read_models()
    with serve() as address:
        yield Desk(address, ada, gone)


@pytest.mark.phone_first
def test_every_page_is_clean_and_a_look_is_on_record(chrome: Browser, desk: Desk, width: int) -> None:
    context = chrome.new_context(viewport={"width": width, "height": 900})
    visitor = Visitor(context.new_page(), desk.address)
    visitor.sign_in("boss", PASSWORD)
    person = f"/admin/projections/userprofile/{desk.ada}"
    for name, path in {
        "people": "/admin/projections/userprofile/",
        "erased": f"/admin/projections/userprofile/{desk.gone}/change/",
        "consents": "/admin/projections/consentregister/",
        "erasures": "/admin/privacy/erasure/",
        "erasure": f"/admin/privacy/erasure/{desk.gone}/change/",
        "retention": "/admin/privacy/certificate/",
        "certificate": f"/admin/privacy/certificate/{Certificate.objects.get().pk}/change/",
        "log": "/admin/projections/activitytimeline/?log=erasure",
        "reveal": f"{person}/reveal/",
        "person": f"{person}/change/",
    }.items():
        visitor.open(path, name)
    page = visitor.page
    if width < 1000:  # the buttons are in a menu there; the dialog's page is the same
        visitor.open(f"{person}/reveal/", "ask")
    else:
        page.locator(f'a[href="{person}/reveal/"]').first.click()
    page.get_by_label("Phone number").check()
    page.get_by_label("Why?").fill("parcel came back")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_text("+44 20 7946 0001")).to_be_visible()
    visitor.check_page("revealed")
    assert store.get_events(desk.ada)[-1].meta.event_type == "DataAccessed"
    context.close()
