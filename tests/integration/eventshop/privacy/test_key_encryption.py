"""The key-encryption key: a wrong one prevents the start, a new one is rotated in while the system is running."""

from __future__ import annotations

import os
import subprocess
import sys
from base64 import b64encode
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import override_settings

from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from eventshop.privacy.encryption import personal_keys
from eventshop.privacy.encryption.key_wrapping import WrongKeyEncryptionKey, current_key_id
from eventshop.privacy.models import PersonalKey
from tests.conftest import BASE_DIR
from users.domain.commands import CreateUser

pytestmark = pytest.mark.usefixtures("clean_database")

OTHER = bytes(range(32))


def create_user() -> CreateUser:
    person = CreateUser(uuid4(), "ada@example.org", "Ada Lovelace")
    send(person)
    personal_keys.key_cache.clear()
    return person


@pytest.mark.parametrize("application", ["eventshop.wsgi", "eventshop.asgi"])
def test_with_another_key_nothing_starts_and_the_setting_is_named(database_url: str, application: str) -> None:
    def start(**environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", f"import {application}"],
            cwd=BASE_DIR,
            env=os.environ | {"DATABASE_URL": database_url} | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    create_user()
    assert start().returncode == 0
    refused = start(KEY_ENCRYPTION_KEY=b64encode(OTHER).decode())
    assert refused.returncode != 0
    assert f"{WrongKeyEncryptionKey.__name__}: KEY_ENCRYPTION_KEY " in refused.stderr
    assert b64encode(OTHER).decode() not in refused.stderr


def test_with_another_key_nothing_is_read_and_nothing_is_guessed() -> None:
    person = create_user()
    with override_settings(KEY_ENCRYPTION_KEYS=[OTHER]), pytest.raises(WrongKeyEncryptionKey):
        store.get_events(person.user_id)


def test_a_new_key_takes_over_and_the_old_one_can_go() -> None:
    people = [CreateUser(uuid4(), f"{number}@example.org", "Ada Lovelace") for number in range(3)]
    for person in people:
        send(person)
    before = current_key_id()
    with override_settings(KEY_ENCRYPTION_KEYS=[OTHER, *settings.KEY_ENCRYPTION_KEYS]):
        personal_keys.key_cache.clear()
        assert store.get_events(people[0].user_id)[0].event.name == "Ada Lovelace"
        call_command("rotate_keys")
    assert not PersonalKey.objects.filter(wrapped_by=before).exists()
    with override_settings(KEY_ENCRYPTION_KEYS=[OTHER]):
        personal_keys.key_cache.clear()
        assert [store.get_events(person.user_id)[0].event.name for person in people] == ["Ada Lovelace"] * 3
        send(CreateUser(uuid4(), "bob@example.org", "Bob"))
        call_command("rotate_keys")


def test_rotating_without_the_old_key_is_refused_and_changes_nothing() -> None:
    create_user()
    before = list(PersonalKey.objects.values_list("pk", "wrapped_by"))
    with override_settings(KEY_ENCRYPTION_KEYS=[OTHER]), pytest.raises(CommandError, match="KEY_ENCRYPTION_KEY"):
        call_command("rotate_keys")
    assert list(PersonalKey.objects.values_list("pk", "wrapped_by")) == before
