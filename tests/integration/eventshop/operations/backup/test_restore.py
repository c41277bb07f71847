"""`manage.py restore` makes the store what it was, keeps what was erased erased, and refuses what does not fit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection
from django.utils import timezone

from eventshop.core.messages import new_id
from eventshop.core.personal_fields import Redacted
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.models import StoredEvent, StoreEpoch
from eventshop.eventstore.store_epochs import current_epoch
from eventshop.messaging.models import RelayCheckpoint
from eventshop.operations.backup import manifest as manifests
from eventshop.operations.backup.manifest import describe_file, read_manifest
from eventshop.privacy.encryption import key_wrapping, personal_keys
from eventshop.privacy.models import ErasedPerson, PersonalKey
from eventshop.runtime import wake_signals
from eventshop.runtime.models import WorkerProcess
from tests.integration.eventshop.operations.backup.test_backup import rewrite_manifest
from tests.support.customers import sign_up
from tests.support.database import dump_database
from tests.support.erasures import erase_person, name_of
from tests.support.kafka.topic_contents import CommandOutput, append_orders, run_command
from tests.support.populated_shop import populate_shop
from tests.support.staff import update_read_models
from users.application.accounts import person_of

pytestmark = pytest.mark.usefixtures("clean_database")


@pytest.fixture(autouse=True)
def surroundings(settings: Any, tmp_path: Path) -> None:
    settings.ERASURE_LIST = str(tmp_path / "erased.txt")
    settings.KEY_CACHE_SECONDS = 0


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """A backup of a shop with a customer, orders, a trade and a webhook."""
    populate_shop()
    done = run_command("backup", str(tmp_path / "backup"))
    assert done.code == 0, done.failure
    return tmp_path / "backup"


def restore(folder: Path, *arguments: str) -> CommandOutput:
    wake_signals.stop_listening()  # this process is to be the only one that uses the store
    personal_keys.key_cache.clear()
    return run_command("restore", str(folder), *arguments)


def refused(folder: Path, *arguments: str) -> str:
    """Why a restore is refused; nothing is changed by it."""
    before = dump_database()
    done = restore(folder, *arguments)
    assert done.code == 1
    assert dump_database() == before
    return done.failure


def customer() -> UUID:
    """The person of the only account."""
    return cast(UUID, person_of(User.objects.get()))


def test_a_restored_store_is_as_it_was(backup: Path) -> None:
    """Events, read models and accounts; not the sessions and workers of then, and it is another epoch."""
    events, accounts = backend().select_events("ORDER BY position", ()), list(User.objects.values())
    read_models = dump_tables("projections_")
    append_orders(3)
    sign_up(email="late@example.org")
    update_read_models()
    Session.objects.create(session_key="s", session_data="", expire_date=timezone.now())
    done = restore(backup, "--replace")
    assert done.code == 0, done.failure
    assert backend().select_events("ORDER BY position", ()) == events
    assert list(User.objects.values()) == accounts
    assert dump_tables("projections_") == read_models
    assert not Session.objects.exists()
    store = read_manifest(backup).store
    epoch = current_epoch()
    assert (epoch.number, epoch.restored_to_position) == (store.epoch + 1, store.position)
    assert epoch.installation_id == store.installation_id
    assert epoch.epoch_id != store.epoch_id
    assert str(read_manifest(backup).backup_id) in epoch.reason


def dump_tables(prefix: str) -> dict[str, list[Any]]:
    rows = dict[str, list[Any]]()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table.startswith(prefix):
                cursor.execute(f'SELECT * FROM "{table}"')
                rows[table] = sorted(cursor.fetchall(), key=repr)
    return rows


def test_a_restored_store_goes_on(backup: Path) -> None:
    assert restore(backup, "--replace").code == 0
    last = StoredEvent.objects.latest("position").position
    append_orders(1, seed=9)
    assert StoredEvent.objects.filter(position=last + 1).exists()
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute("DELETE FROM event WHERE position = 1")


def test_a_key_that_is_newer_than_the_backup_is_kept(backup: Path) -> None:
    """The events that it encrypts may be on Kafka, and come back from there."""
    late = cast(UUID, person_of(sign_up(email="late@example.org")))
    key = bytes(PersonalKey.objects.filter(subject=late)[0].wrapped)
    assert restore(backup, "--replace").code == 0
    assert bytes(PersonalKey.objects.filter(subject=late)[0].wrapped) == key
    assert PersonalKey.objects.count() > read_manifest(backup).keys.keys


def test_personal_data_can_be_read_with_the_keys_of_the_backup(backup: Path) -> None:
    person = customer()
    name = name_of(person)
    PersonalKey.objects.all().delete()
    assert name_of(person) != name
    assert restore(backup, "--replace").code == 0
    assert name_of(person) == name


def test_keys_that_were_lost_are_put_back_while_the_shop_goes_on(backup: Path) -> None:
    person = customer()
    name, keys = name_of(person), PersonalKey.objects.count()
    PersonalKey.objects.all().delete()
    before = dump_database()
    dry = restore(backup, "--keys-only", "--dry-run")
    assert (dry.code, dump_database()) == (0, before)
    assert f"{keys} keys would be added" in dry.out
    assert restore(backup, "--keys-only").code == 0
    assert PersonalKey.objects.count() == keys
    assert name_of(person) == name


def test_a_key_that_was_made_in_the_place_of_a_lost_one_stays_and_is_named(backup: Path) -> None:
    person = customer()
    PersonalKey.objects.filter(subject=person, purpose="contact").delete()
    personal_keys.store_keys([((person, "contact"), personal_keys.generate_key())])
    made = bytes(PersonalKey.objects.get(subject=person, purpose="contact").wrapped)
    done = restore(backup, "--keys-only")
    assert "other keys than the backup for 1 people" in done.out
    assert str(person) in done.out
    assert bytes(PersonalKey.objects.get(subject=person, purpose="contact").wrapped) == made


def test_a_key_that_was_only_wrapped_anew_is_the_same_key(backup: Path, settings: Any) -> None:
    settings.KEY_ENCRYPTION_KEYS = (b"2" * 32, *settings.KEY_ENCRYPTION_KEYS)
    assert run_command("rotate_keys").code == 0
    done = restore(backup, "--replace")
    assert done.code == 0, done.failure
    assert "other keys" not in done.out
    assert set(PersonalKey.objects.values_list("wrapped_by", flat=True)) == {key_wrapping.current_key_id()}


def test_what_was_erased_with_a_former_key_stays_erased_and_is_not_taken_for_tampered(tmp_path: Path) -> None:
    populate_shop()
    person = customer()
    personal_keys.replace_keys([person], ["contact"])
    folder = tmp_path / "backup"
    assert run_command("backup", str(folder)).code == 0
    for options in (["--replace"], ["--replace", "--keep-keys"]):
        assert restore(folder, *options).code == 0
        assert PersonalKey.objects.get(subject=person, purpose="contact").generation == 2
        assert name_of(person) == Redacted("contact")


def test_the_key_of_a_backup_does_not_bring_back_what_was_erased_since(backup: Path) -> None:
    person = customer()
    personal_keys.replace_keys([person], ["contact"])
    assert "another key" not in restore(backup, "--replace").out
    assert name_of(person) == Redacted("contact")


def test_who_was_erased_after_the_backup_stays_erased(backup: Path) -> None:
    person, name = customer(), name_of(customer())
    erase_person(person)
    planned = restore(backup, "--dry-run")
    assert planned.code == 0
    done = restore(backup, "--replace")
    assert done.code == 0, done.failure
    assert ErasedPerson.objects.filter(subject=person).exists()
    assert not PersonalKey.objects.filter(subject=person).exists()
    assert name_of(person) != name
    assert "1 people erased again" in done.out
    assert "Ada Marker" not in dump_database()


def test_who_was_erased_is_erased_again_in_a_new_database(backup: Path, tmp_path: Path) -> None:
    """The markers are lost with the database; what is left is the list."""
    person = customer()
    (tmp_path / "erased.txt").write_text(f"{person}\n")
    planned = restore(backup, "--dry-run")
    assert f"1 people are to be erased again: {person}" in planned.out
    done = restore(backup, "--replace")
    assert done.code == 0, done.failure
    assert "1 people erased again, 1 of them restored by the backup" in done.out
    assert not PersonalKey.objects.filter(subject=person).exists()
    assert "Ada Marker" not in dump_database()


def test_the_list_of_the_backup_is_added_to_the_list_of_now(tmp_path: Path) -> None:
    earlier, later = new_id(), new_id()
    append_orders(1)
    (tmp_path / "erased.txt").write_text(f"{earlier}\n")
    assert run_command("backup", str(tmp_path / "backup")).code == 0
    (tmp_path / "erased.txt").write_text(f"{later}\n")
    assert restore(tmp_path / "backup", "--replace").code == 0
    assert (tmp_path / "erased.txt").read_text().split() == [str(later), str(earlier)]


def test_the_plan_says_what_is_lost_and_changes_nothing(backup: Path, settings: Any) -> None:
    store = read_manifest(backup).store
    append_orders(1, seed=7)
    settings.SHIPPING_DELAY_S = 77
    later = StoredEvent.objects.count() - store.events
    before = dump_database()
    planned = restore(backup, "--dry-run")
    assert planned.code == 0
    assert dump_database() == before
    assert f"{store.events:,} events up to position {store.position}" in planned.out
    assert f"{later} of its events are not in the backup" in planned.out
    assert "Settings that are not as they were: SHIPPING_DELAY_S." in planned.out


def test_a_database_that_is_not_empty_is_not_replaced_unasked(backup: Path) -> None:
    assert "the database is not empty" in refused(backup)


def test_a_backup_of_another_installation_is_refused(backup: Path) -> None:
    other = uuid4()
    StoreEpoch.objects.update(installation_id=other)
    assert f"another installation: of {read_manifest(backup).store.installation_id}, and this is {other}" in refused(
        backup, "--replace"
    )


def test_a_backup_of_a_newer_program_is_refused(backup: Path) -> None:
    program = read_manifest(backup).program
    newer = {"version": "9.1", "migrations": [*program.migrations, "store.9001_something"]}
    rewrite_manifest(backup, program=newer)
    assert "newer program (version 9.1), whose migrations this one does not have: store.9001_something" in refused(
        backup, "--replace"
    )


@pytest.mark.parametrize("name", ["dump", manifests.ERASURE_LIST, manifests.KEYS])
def test_a_damaged_file_is_refused(backup: Path, name: str) -> None:
    path = backup / (read_manifest(backup).dump if name == "dump" else name)
    if name == manifests.KEYS:
        path = backup / "keys" / name
    content = bytearray(path.read_bytes() or b"x")
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert f"{path} is damaged" in refused(backup, "--replace")


def test_a_backup_without_its_keys_is_refused(backup: Path, tmp_path: Path) -> None:
    (backup / "keys").rename(tmp_path / "elsewhere")
    assert "--keep-keys" in refused(backup, "--replace")
    PersonalKey.objects.all().delete()
    assert "there are no keys to keep" in refused(backup, "--replace", "--keep-keys")
    assert restore(backup, "--replace", "--keys", str(tmp_path / "elsewhere")).code == 0
    assert PersonalKey.objects.exists()


def test_keys_of_another_backup_are_refused(backup: Path, tmp_path: Path) -> None:
    assert run_command("backup", str(tmp_path / "other")).code == 0
    assert "is damaged" in refused(backup, "--replace", "--keys", str(tmp_path / "other" / "keys"))


def test_keys_that_no_key_of_the_settings_unwraps_are_refused(backup: Path, settings: Any) -> None:
    PersonalKey.objects.all().delete()
    settings.KEY_ENCRYPTION_KEYS = (b"2" * 32,)
    assert "wrapped with KEY_ENCRYPTION_KEY" in refused(backup, "--replace")


def test_a_folder_that_is_no_backup_is_refused(tmp_path: Path) -> None:
    assert f"{tmp_path / 'nothing'} is no complete backup" in refused(tmp_path / "nothing")


def in_use_by_worker() -> str:
    WorkerProcess.objects.create(owner="host/1", started_at=timezone.now(), seen_at=timezone.now())
    return "worker process host/1"


def in_use_by_relay() -> str:
    RelayCheckpoint.objects.create(
        topic="event-store", owner="host/2", leased_until=timezone.now() + timedelta(hours=1)
    )
    return "host/2, which has a lease in"


@pytest.mark.parametrize("use", [in_use_by_worker, in_use_by_relay], ids=["worker", "relay"])
def test_a_store_in_use_is_refused(backup: Path, use: Any) -> None:
    user = use()
    assert user in refused(backup, "--replace")


def test_a_store_that_a_dead_worker_used_is_not_in_use(backup: Path) -> None:
    long_ago = timezone.now() - timedelta(hours=1)
    WorkerProcess.objects.create(owner="host/1", started_at=long_ago, seen_at=long_ago)
    RelayCheckpoint.objects.create(topic="event-store", owner="host/2", leased_until=long_ago)
    assert restore(backup, "--replace").code == 0
    assert not WorkerProcess.objects.exists()


@pytest.fixture
def other_connection() -> Iterator[Any]:
    """A connection of another program to the same database, which does nothing."""
    parameters = connection.get_connection_params()
    if connection.vendor == "sqlite":
        import sqlite3

        other: Any = sqlite3.connect(parameters["database"])
        other.execute("SELECT count(*) FROM event").fetchall()
    else:
        import psycopg

        parameters = {name: parameters[name] for name in ("dbname", "user", "host", "port") if name in parameters}
        other = psycopg.connect(**parameters, application_name="a report")
    yield other
    other.close()


def test_a_store_with_another_connection_is_refused(backup: Path, other_connection: Any) -> None:
    failure = refused(backup, "--replace")
    assert "the store is in use" in failure
    assert ("a report" if connection.vendor == "postgresql" else "another connection to") in failure


@pytest.mark.postgres
def test_a_dump_that_ends_too_early_changes_nothing(backup: Path) -> None:
    """It has the hash of its manifest, so that only pg_restore notices."""
    path, manifest = backup / "database.dump", read_manifest(backup)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 3 // 4])
    files = {name: {"size": each.size, "sha256": each.sha256} for name, each in manifest.files.items()}
    damaged = describe_file(path)
    rewrite_manifest(backup, files=files | {path.name: {"size": damaged.size, "sha256": damaged.sha256}})
    assert "pg_restore failed" in refused(backup, "--replace")


def test_a_backup_of_the_other_engine_is_refused(backup: Path) -> None:
    other = "sqlite" if connection.vendor == "postgresql" else "postgresql"
    rewrite_manifest(backup, database={"vendor": other, "version": "1"})
    assert f"is a backup of {other}" in refused(backup, "--replace")
