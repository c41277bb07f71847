"""docs/recovery.md, disaster by disaster: the fault is made, its commands are run as they stand there, all is well."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, connections

from deploy.stack import Stack
from eventshop.core.errors import EventShopError
from eventshop.eventstore import store_epochs
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.tail_reader import newest_position
from eventshop.messaging.kafka import clients, topics
from eventshop.messaging.models import RelayCheckpoint
from eventshop.messaging.relay.event_batches import RelayStopped
from eventshop.operations.backup.manifest import read_manifest
from eventshop.operations.health_checks import check_components
from eventshop.privacy.encryption import personal_keys
from eventshop.privacy.models import PersonalKey
from eventshop.projections.models import DeadLetter
from eventshop.runtime import wake_signals
from orders.domain.commands import CreateOrder
from projections.models import OrderSummary
from projections.user_profile import user_profile
from tests.support.customers import sign_up
from tests.support.database import dump_database
from tests.support.database_copy import copy_database, put_in_place
from tests.support.docs_recipe import follow_section, section_text
from tests.support.erasures import erase_person, name_of
from tests.support.failing_projection import Flaky, fail, register_temporarily
from tests.support.kafka.fixtures import create_fresh_topics
from tests.support.kafka.read_models import assert_read_models_equal_fold, catch_up
from tests.support.kafka.topic_contents import append_orders, relay_all, run_command, running_relay
from tests.support.order_payments import pay_order
from tests.support.sales import Sale
from tests.support.waiting import wait_until
from users.application.accounts import person_of

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database")]

PAGE = "recovery.md"
NAME, ERASED_NAME = "Zz-Grace Marker", "Ada Marker"


class Shop:
    """A shop with two customers, published to Kafka, with a backup; then one is erased, and more is sold."""

    def __init__(self, folder: Path) -> None:
        self.backup = folder / "backup"
        self.erased = cast(UUID, person_of(sign_up(name=ERASED_NAME)))
        sale = Sale(1)
        send(CreateOrder(sale.order_id, sale.reference, self.erased, sale.lines, delivery_name=ERASED_NAME))
        pay_order(sale.order_id)
        self.kept = cast(UUID, person_of(sign_up("grace@example.org", NAME)))
        append_orders(10)
        self.publish()
        assert run_command("backup", str(self.backup)).code == 0
        erase_person(self.erased)
        append_orders(10, seed=2)
        self.publish()
        self.events = backend().select_events("ORDER BY position", ())

    def publish(self) -> None:
        relay_all()
        catch_up()

    def follow(self, heading: str) -> None:
        """Run the commands of a section, with everything else stopped."""
        wake_signals.stop_listening()
        variables = {"BACKUP": str(self.backup), "PREFIX": topics.topic_name("")}
        follow_section(PAGE, heading, run_words, variables)
        personal_keys.key_cache.clear()

    def assert_recovered(self) -> None:
        """All that was accepted is on both sides, read models are its fold, and who was erased is erased."""
        append_orders(3, seed=3)
        self.publish()
        stored = backend().select_events("ORDER BY position", ())
        assert stored[: len(self.events)] == self.events
        verified = run_command("verify_log")
        assert verified.code == 0, verified.failure
        assert_read_models_equal_fold()
        assert ERASED_NAME not in dump_database()
        assert name_of(self.erased) != ERASED_NAME
        assert store_epochs.current_epoch().divergence == ""


def run_words(words: list[str]) -> str:
    """Run `python manage.py COMMAND ...` in this process; nobody else has a connection to the database."""
    assert words[:2] == ["python", "manage.py"], words
    connections.close_all()
    done = run_command(words[2], *words[3:])
    assert done.code == 0, f"{' '.join(words)}: {done.out}{done.failure}"
    return done.out


def lose_the_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
    connections.close_all()


def lose_kafka(*names: str) -> None:
    """Delete these topics, by default all of this installation."""
    with clients.open_admin_client() as admin:
        prefix = topics.topic_name("")
        lost = list(names) or [name for name in admin.list_topics() if name.startswith(prefix)]
        admin.delete_topics(lost)
        wait_until(lambda: not topics.describe_topics(admin, lost), seen=lambda: topics.describe_topics(admin, lost))


def failed_parts() -> str:
    return "; ".join(f"{part.name}: {part.detail}" for part in check_components() if not part.ok)


def relay_refuses() -> str:
    """A relay tries to take over, and does not; gives the reason."""
    with pytest.raises((RelayStopped, EventShopError)) as refusal, running_relay():
        pass
    return str(refusal.value)


def assert_named(heading: str, state: str) -> None:
    """The page and the store name the state alike."""
    assert f"`{state}`" in section_text(PAGE, heading)
    assert store_epochs.current_epoch().get_divergence_display() == state


@pytest.fixture
def erasures(settings: Any, tmp_path: Path) -> None:
    settings.ERASURE_LIST = str(tmp_path / "erased.txt")
    settings.KEY_CACHE_SECONDS = 0


@pytest.fixture
def shop(kafka_topics: str, erasures: None, tmp_path: Path) -> Iterator[Shop]:
    yield Shop(tmp_path)
    store_epochs.clear_divergence()


@pytest.fixture
def lost_database(shop: Shop) -> Iterator[Shop]:
    """The shop without its database. Other tests need the tables, whatever becomes of this one."""
    lose_the_database()
    yield shop
    call_command("migrate", verbosity=0)


def test_the_database_is_lost(lost_database: Shop) -> None:
    lost_database.follow("The database is lost")
    assert name_of(lost_database.kept) == NAME
    lost_database.assert_recovered()


def test_the_database_is_lost_and_there_is_no_backup(lost_database: Shop) -> None:
    lost_database.follow("The database is lost and there is no backup")
    lost_database.assert_recovered()


def test_the_database_is_old(shop: Shop) -> None:
    copy = copy_database()
    append_orders(10, seed=4)
    shop.publish()
    shop.events = backend().select_events("ORDER BY position", ())
    put_in_place(copy)
    relay_refuses()
    assert_named("The database is old", "database behind Kafka")
    shop.follow("The database is old")
    assert name_of(shop.kept) == NAME
    shop.assert_recovered()


def test_the_store_has_forked(shop: Shop) -> None:
    """What the copy accepted is kept, under new positions; what Kafka had is set aside."""
    copy = copy_database()
    append_orders(10, seed=4)
    relay_all()
    put_in_place(copy)
    append_orders(5, seed=5)
    accepted = backend().select_events("ORDER BY position", ())[len(shop.events) :]
    relay_refuses()
    assert_named("The store has forked", "forked")
    shop.follow("The store has forked")
    kept = backend().select_events("ORDER BY position", ())[len(shop.events) :]
    assert [row.event_id for row in kept] == [row.event_id for row in accepted]
    shop.assert_recovered()


def test_kafka_is_lost(shop: Shop) -> None:
    lose_kafka()
    assert "does not exist" in relay_refuses()
    shop.follow("Kafka is lost")
    shop.assert_recovered()


def test_kafka_is_old(shop: Shop) -> None:
    """It does not have what it confirmed last."""
    append_orders(10, seed=4)
    shop.events = backend().select_events("ORDER BY position", ())
    RelayCheckpoint.objects.filter(topic=topics.event_store_topic()).update(position=newest_position())
    assert_kafka_recovers(shop)


def assert_kafka_recovers(shop: Shop) -> None:
    relay_refuses()
    assert_named("Kafka is old", "Kafka behind the database")
    shop.follow("Kafka is old")
    shop.assert_recovered()


@pytest.mark.long
def test_kafka_came_back_with_an_old_disk(own_broker: Stack, erasures: None, settings: Any, tmp_path: Path) -> None:
    """Its disk is put back as it was before the last events."""
    create_fresh_topics(own_broker.env["EVENT_LOG_URL"], settings)
    shop, disk = Shop(tmp_path), own_broker.folder.path / "kafka" / "data-1"
    own_broker.stop_broker(1)
    shutil.copytree(disk, tmp_path / "disk")
    own_broker.start_broker(1)
    append_orders(10, seed=4)
    shop.publish()
    shop.events = backend().select_events("ORDER BY position", ())
    relay_all()  # a relay that takes over notes what Kafka has confirmed
    own_broker.kill_broker(1)
    shutil.rmtree(disk)
    shutil.copytree(tmp_path / "disk", disk)
    own_broker.start_broker(1)
    assert_kafka_recovers(shop)
    store_epochs.clear_divergence()


def test_the_database_and_kafka_are_lost(lost_database: Shop) -> None:
    """What was accepted after the backup is lost, but for the erasure."""
    lose_kafka()
    lost_database.follow("The database and Kafka are lost")
    restored = read_manifest(lost_database.backup).store.events
    lost_database.events = lost_database.events[:restored]
    assert name_of(lost_database.kept) == NAME
    lost_database.assert_recovered()


def test_the_keys_are_lost(shop: Shop) -> None:
    PersonalKey.objects.all().delete()
    assert name_of(shop.kept) != NAME
    shop.follow("The keys are lost")
    assert name_of(shop.kept) == NAME
    shop.assert_recovered()


def test_one_topic_is_lost(shop: Shop) -> None:
    lose_kafka(topics.event_store_topic())
    assert "does not exist" in relay_refuses()
    shop.follow("One topic is lost")
    shop.assert_recovered()


def test_a_wrong_release_was_deployed(shop: Shop) -> None:
    """It has filled a read model with nonsense."""
    OrderSummary.objects.update(reference="wrong")
    shop.follow("A wrong release was deployed")
    shop.assert_recovered()


@pytest.fixture
def flaky() -> Iterator[Flaky]:
    yield from register_temporarily(Flaky(user_profile, name="broken"))


def test_an_event_is_poisoned(flaky: Flaky, shop: Shop) -> None:
    person = cast(UUID, person_of(sign_up("poison@example.org", "Zz-Poison")))
    flaky.spoils[person, 1] = fail
    shop.publish()
    assert DeadLetter.objects.exists()
    flaky.repair()
    shop.follow("An event is poisoned")
    assert not DeadLetter.objects.exists()
    shop.assert_recovered()


def test_the_customers_of_this_page_have_accounts(shop: Shop) -> None:
    """The fixture itself: one is erased, one is not, and what is accepted is on both sides."""
    assert name_of(shop.kept) == NAME
    assert User.objects.count() == 2
    shop.assert_recovered()
