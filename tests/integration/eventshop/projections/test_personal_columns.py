"""Personal data on its way into read models: whatever races with an erasure, none of it is left in them."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event as Signal
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connections
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from eventshop.core.messages import Meta
from eventshop.eventstore.command_dispatcher import send
from eventshop.messaging.database_event_log import DatabaseEventLog
from eventshop.privacy.encryption import personal_keys
from eventshop.privacy.encryption.keys_db_router import keys_database
from eventshop.privacy.encryption.personal_keys import key_cache
from eventshop.privacy.models import PersonalKey
from eventshop.projections import dead_letter_retry, outbox, personal_columns
from eventshop.projections.models import DeadLetter, OutboxRecord
from eventshop.projections.projection import Projection, ProjectionRegistry, projection_registry
from eventshop.projections.runner import ProjectionRunner
from orders.domain.commands import CreateOrder
from orders.domain.events import ExternalId as Identifier
from projections.external_id import external_id
from projections.models import ExternalId, UserProfile
from projections.user_profile import created, user_profile
from tests.support.failing_projection import Flaky, fail, register_temporarily
from tests.support.read_models import assert_rows_equal_fold, catch_up, stored_rows
from tests.support.sales import LANTERNS
from tests.support.waiting import DEADLINE_S, join_threads
from users.domain.commands import CreateUser
from users.domain.events import UserCreated

pytestmark = pytest.mark.usefixtures("clean_database")

WORDS = ("ada@example.org", "Ada Lovelace", "+44 20 1", "12 St James's Square")


def sign_up() -> UUID:
    person = CreateUser(uuid4(), *WORDS)
    send(person)
    return person.user_id


def profile(user_id: UUID) -> tuple[str, ...]:
    return UserProfile.objects.values_list("email", "name", "phone", "address").get(user_id=user_id)


def test_a_person_is_shown_until_they_are_erased() -> None:
    ada, bob = sign_up(), uuid4()
    send(CreateUser(bob, "bob@example.org", "Bob"))
    catch_up(user_profile)
    assert profile(ada) == WORDS
    personal_keys.destroy_keys(ada)
    assert personal_columns.erase_subject(ada, projection_registry) == 1
    assert personal_columns.erase_subject(ada, projection_registry) == 0
    assert profile(ada) == ("", "", "", "")
    assert profile(bob) == ("bob@example.org", "Bob", "", "")
    assert_rows_equal_fold(user_profile)


def test_a_worker_that_remembers_the_key_writes_nothing_about_the_erased() -> None:
    """Its keys are seconds old: what it read with them is read again before it is written."""
    ada = sign_up()
    assert personal_keys.find_key((ada, "contact"))
    remembered = dict(personal_keys.key_cache._keys)
    personal_keys.destroy_keys(ada)
    personal_keys.key_cache._keys.update(remembered)  # as another process has them, which nobody told
    catch_up(user_profile)
    assert profile(ada) == ("", "", "", "")
    assert_rows_equal_fold(user_profile)


def test_an_erasure_waits_for_a_batch_that_has_read_in_clear() -> None:
    """And then empties what that batch wrote: there is no moment at which it could be written afterwards."""
    reading, go_on, destroyed = Signal(), Signal(), Signal()
    slow: Projection[Any] = Projection(UserProfile, topic="slow-projection", shared_rows=False)

    def slowly(row: UserProfile, event: UserCreated, meta: Meta) -> None:
        reading.set()
        assert go_on.wait(DEADLINE_S)
        created(row, event, meta)

    slow.on(UserCreated, key=lambda event: event.user_id)(slowly)
    ada = sign_up()

    def run(work: Any) -> Thread:
        def worked() -> None:
            work()
            connections.close_all()

        thread = Thread(target=worked)
        thread.start()
        return thread

    def erase() -> None:
        personal_keys.destroy_keys(ada)
        destroyed.set()

    projecting = run(lambda: ProjectionRunner([slow], DatabaseEventLog()).catch_up())
    assert reading.wait(DEADLINE_S)
    erasing = run(erase)
    # An erasure that did not wait for the batch would be done by then; one that waits never is, on any machine.
    assert not destroyed.wait(0.5)
    go_on.set()
    join_threads(projecting, erasing)
    assert destroyed.is_set()
    assert profile(ada) == WORDS
    assert personal_columns.erase_subject(ada, projection_registry) == 1
    assert profile(ada) == ("", "", "", "")


# --- dead letters ------------------------------------------------------------------------------------------------


@pytest.fixture
def flaky() -> Iterator[Flaky]:
    yield from register_temporarily(Flaky(user_profile))


def test_a_parked_event_says_why_without_saying_whose(flaky: Flaky) -> None:
    ada = sign_up()

    def spoiled(row: UserProfile, event: UserCreated, meta: Meta) -> None:
        raise ValueError(f"cannot greet {event.name} at {event.email}")

    handlers = flaky.projection.handlers
    handlers[UserCreated] = [handlers[UserCreated][0]._replace(change=spoiled)]
    catch_up(flaky.projection)
    [dead_letter] = DeadLetter.objects.all()
    assert dead_letter.error == "ValueError: cannot greet [personal] at [personal]"
    for word in WORDS:
        assert word not in dead_letter.traceback
    dead_letter_retry.retry(flaky.projection.name, ada)
    dead_letter.refresh_from_db()
    assert dead_letter.attempts == 2
    assert dead_letter.error == "ValueError: cannot greet [personal] at [personal]"


def test_a_parked_event_drains_redacted_once_the_person_is_erased(flaky: Flaky) -> None:
    ada = sign_up()
    flaky.spoils[ada, 1] = fail
    catch_up(flaky.projection)
    personal_keys.destroy_keys(ada)
    flaky.repair()
    dead_letter_retry.retry(flaky.projection.name, ada)
    assert not DeadLetter.objects.exists()
    assert profile(ada) == ("", "", "", "")


def test_a_value_that_was_tampered_with_is_parked_and_nothing_is_guessed() -> None:
    ada = sign_up()
    PersonalKey.objects.filter(subject=ada).delete()
    other = uuid4()
    send(CreateUser(other, "bob@example.org", "Bob"))
    row = PersonalKey.objects.get(subject=other, purpose="contact")
    key = personal_keys.find_key((other, "contact"))
    assert key is not None
    personal_keys.key_cache.clear()
    personal_keys.store_keys([((ada, "contact"), personal_keys.generate_key())])  # a key, and not the one
    personal_keys.key_cache.clear()
    assert row.subject == other
    catch_up(user_profile)
    [dead_letter] = DeadLetter.objects.all()
    assert dead_letter.error.startswith("Tampered: ")
    assert list(UserProfile.objects.values_list("name", flat=True)) == ["Bob"]


@pytest.mark.postgres
@override_settings(KAFKA_OPTIONS={"bootstrap_servers": ["nowhere:9092"]})
def test_personal_columns_are_not_published() -> None:
    assert outbox.is_enabled()
    ada = sign_up()
    catch_up(user_profile)
    [sent] = OutboxRecord.objects.all()
    value = bytes(sent.value or b"").decode()
    assert f'"user_id":"{ada}"' in value
    assert '"status":"ACTIVE"' in value
    assert '"name"' not in value
    for word in WORDS:
        assert word not in value


@pytest.mark.postgres
@override_settings(KAFKA_OPTIONS={"bootstrap_servers": ["nowhere:9092"]})
def test_a_row_that_an_erasure_deletes_is_deleted_in_its_topic_too() -> None:
    customer = uuid4()
    for number in ("C-1", "C-2"):
        identifier = Identifier("marketplace", number)
        send(CreateOrder(uuid4(), number, customer, (LANTERNS,), customer_external_id=identifier))
    catch_up(external_id)
    [key] = OutboxRecord.objects.values_list("key", flat=True).distinct()
    assert personal_columns.erase_subject(customer, projection_registry) == 1
    assert personal_columns.erase_subject(customer, projection_registry) == 0
    newest = OutboxRecord.objects.order_by("position").last()
    assert newest is not None and (newest.key, newest.value) == (key, None)
    assert not ExternalId.objects.exists()


def test_scrubbing_asks_only_read_models_with_personal_columns() -> None:
    nobody = ProjectionRegistry()
    assert personal_columns.erase_subject(uuid4(), nobody) == 0


def test_the_keys_of_a_batch_are_loaded_in_one_statement() -> None:
    for number in range(5):
        send(CreateUser(uuid4(), f"ada{number}@example.org", *WORDS[1:]))
    key_cache.clear()
    table = PersonalKey._meta.db_table
    with CaptureQueriesContext(connections[keys_database()]) as queries:
        catch_up(user_profile)
    assert sum(f'FROM "{table}"' in query["sql"] for query in queries) == 1
    assert all(row["email"] for row in stored_rows(user_profile).values())
