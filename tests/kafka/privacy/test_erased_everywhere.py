"""Unique words in every personal field, used in every feature: after the erasure no server has one in any file.

The test searches what somebody with the disks could read: PostgreSQL's files including the write-ahead log, every log
segment of Kafka and its decompressed records, everything in Redis, Celery's messages in files, and the log output. No
topic is compacted before, as records that compaction would remove must not contain a word either.
"""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from msgspec.structs import replace

from deploy.stack import Stack
from eventshop.core.messages import Meta, new_id
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.models import Snapshot
from eventshop.eventstore.snapshots import repository
from eventshop.messaging.kafka import topics
from eventshop.messaging.kafka.topic_scan import known_topic_names, read_record_bytes
from eventshop.messaging.kafka_event_log import KafkaEventLog
from eventshop.messaging.relay.leader_election import acquire_leadership
from eventshop.privacy.erasure import certificates
from eventshop.privacy.models import Certificate
from eventshop.projections import dead_letter_retry, replays
from eventshop.projections.models import DeadLetter
from eventshop.projections.outbox_publisher import OutboxPublisher
from eventshop.projections.projection import projection_registry
from eventshop.projections.rebuild import rebuild
from eventshop.projections.runner import ProjectionRunner
from eventshop.runtime.log_lines import JsonFormatter
from eventshop.runtime.watchdog import Watchdog
from eventshop.sagas import workers
from orders.domain.commands import CancelOrder, CreateOrder, DeliverOrder, RecordObservedPayment, ShipOrder
from orders.domain.events import ExternalId
from projections.models import OrderSummary, UserProfile
from projections.user_profile import user_profile
from tests.conftest import BASE_DIR
from tests.support.failing_projection import Flaky, register_temporarily
from tests.support.kafka.running_publishers import publish_all
from tests.support.kafka.topic_contents import publish_events, running_relay
from tests.support.sales import LANTERNS
from tests.support.staff import boss
from users.application.accounts import person_of, sign_up
from users.application.data_export import encode_export, export_personal_data
from users.domain.commands import ChangeContactDetails, GrantConsent, RequestErasure, RestrictProcessing
from users.domain.events import ContactDetailsChanged

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database")]

LETTERS = str.maketrans("0123456789abcdef", "ghijklmnopqrstuv")


def unique_word(label: str) -> str:
    """A word that occurs nowhere else."""
    return f"{label}{new_id().hex.translate(LETTERS)}"


class PersonalWords:
    """A unique word for every personal field."""

    def __init__(self) -> None:
        self.first_email, self.email = f"{unique_word('one')}@example.org", f"{unique_word('two')}@example.org"
        self.name, self.address = unique_word("Name"), unique_word("Street")
        self.phone = unique_word("tel")
        self.reason, self.receiver = unique_word("Reason"), unique_word("Neighbour")
        self.delivery_name, self.delivery_address = unique_word("Parcel"), unique_word("Lane")
        self.customer_number = unique_word("C")

    def found_in(self, content: bytes) -> list[str]:
        lowered = content.lower()
        return [name for name, word in vars(self).items() if word.lower().encode() in lowered]


@pytest.fixture
def words() -> PersonalWords:
    return PersonalWords()


@pytest.fixture
def log_file(tmp_path: Path) -> Iterator[Path]:
    """A file with everything that is logged, as the program writes it."""
    path = tmp_path / "app.log"
    handler = logging.FileHandler(path)
    handler.setFormatter(JsonFormatter())
    logging.getLogger().addHandler(handler)
    yield path
    logging.getLogger().removeHandler(handler)
    handler.close()


@pytest.fixture
def flaky() -> Iterator[Flaky]:
    yield from register_temporarily(Flaky(user_profile, name="broken"))


@pytest.fixture
def surroundings(
    flaky: Flaky, projection_topics: None, redis_env: dict[str, str], settings: Any, tmp_path: Path
) -> Iterator[None]:
    """Kafka, Redis as cache and as broker, and a PostgreSQL that removes old WAL files."""
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": redis_env["CACHE_URL"]}
    }
    settings.CELERY_BROKER_URL = redis_env["CELERY_BROKER_URL"]
    settings.KEY_CACHE_SECONDS = 0
    settings.ERASURE_LIST = str(tmp_path / "erased.txt")
    with connection.cursor() as cursor:
        cursor.execute("ALTER SYSTEM SET wal_recycle = off")
        cursor.execute("ALTER SYSTEM SET autovacuum = off")
        cursor.execute("SELECT pg_reload_conf()")
    yield
    with connection.cursor() as cursor:
        cursor.execute("ALTER SYSTEM RESET ALL")
        cursor.execute("SELECT pg_reload_conf()")
    cache.clear()


def settle_all() -> None:
    """Run relay, projections and sagas until nothing is left to do; then publish the read models."""
    with running_relay() as relay:
        while True:
            publish_events(relay)
            runner = ProjectionRunner(projection_registry.select([]), KafkaEventLog())
            folded = runner.catch_up()
            runner.close()
            if not folded + workers.run_until_idle("test"):
                break
    watchdog = Watchdog()
    publisher = OutboxPublisher(watchdog)
    assert acquire_leadership(publisher.topic, publisher.owner)
    publisher.take_over()
    publish_all(publisher)
    publisher.close()
    watchdog.close()


def write_personal_data(words: PersonalWords, flaky: Flaky) -> tuple[UUID, UUID]:
    """A customer who uses every feature; gives the person and the order."""
    login = sign_up(form_id=uuid4(), email=words.first_email, name=words.name, password="correct horse")
    person = person_of(login)
    assert person is not None
    now = timezone.now()
    send(ChangeContactDetails(person, words.email, words.name, words.phone, f"{words.address}\nLondon"))
    send(GrantConsent(person, "Personalisation", "2026-01", at=now, expires_at=now + timedelta(days=365)))
    send(RestrictProcessing(person, words.reason))
    order = CreateOrder(
        uuid4(),
        "000001",
        person,
        (LANTERNS,),
        delivery_name=words.delivery_name,
        delivery_address=words.delivery_address,
        customer_external_id=ExternalId("marketplace", words.customer_number),
    )
    send(order)
    send(RecordObservedPayment(order.order_id, order.total, "card"))
    send(ShipOrder(order.order_id, "Royal Mail"))
    send(DeliverOrder(order.order_id, words.receiver))
    other = replace(order, order_id=uuid4(), reference="000002")
    send(other)
    send(CancelOrder(other.order_id, "changed their mind"))

    def spoiled(row: Any, event: ContactDetailsChanged, meta: Meta) -> None:
        raise ValueError(f"cannot greet {event.name} of {event.address}")

    handlers = flaky.projection.handlers
    handlers[ContactDetailsChanged] = [handlers[ContactDetailsChanged][0]._replace(change=spoiled)]
    return person, order.order_id


def read_personal_data(words: PersonalWords, person: UUID) -> None:
    """Failed sign-ins, invalid forms, failing pages, an access by staff, and a data export."""
    stranger = Client(raise_request_exception=False)
    sign_in, details = reverse("users:sign-in"), reverse("users:details")
    for _ in range(2):
        stranger.post(sign_in, {"username": words.email, "password": words.phone})
    Client(enforce_csrf_checks=True).post(sign_in, {"username": words.email, "password": "x"})
    stranger.get("/nothing/here/", {"q": words.name})
    customer = Client(raise_request_exception=False)
    assert customer.login(username=words.email, password="correct horse")
    assert words.name in customer.get(details).content.decode()
    customer.post(details, {"email": "no address", "name": words.name, "phone": words.phone})
    customer.post(details, {"email": words.email, "name": words.name, "form_id": "no id"})
    assert words.phone in customer.get(reverse("users:data")).content.decode()
    address = reverse("admin:projections_userprofile_reveal", args=(person,))
    values = {"fields_asked": ["phone"], "reason": "parcel came back", "command_id": str(new_id())}
    assert words.phone in boss().post(address, values).content.decode()
    assert words.receiver in encode_export(export_personal_data(person, at=timezone.now())).decode()


def read_history(person: UUID, order_id: UUID) -> None:
    """Take snapshots of the streams, and read past states of the read models."""
    assert repository.take_snapshot(person) and repository.take_snapshot(order_id)
    for name in ("user", "order-summary"):
        assert replays.run_replay(replays.request_as_of(name, timezone.now(), requested_by="test")).rows


@pytest.fixture
def messages(tmp_path: Path) -> Path:
    """The folder of Celery's messages without Redis."""
    folder = tmp_path / "messages"
    for inside in ("processed", "control"):
        (folder / inside).mkdir(parents=True)
    return folder


def queue_messages(redis_env: dict[str, str], messages: Path) -> None:
    """Queue a task in Redis and one in a file, which no worker takes."""
    code = "import django; django.setup(); from eventshop.operations.tasks import do_periodic_work as w; w.delay()"
    in_files = {
        "DJANGO_SETTINGS_MODULE": "tests.support.worker_settings",
        "CELERY_BROKER_URL": "filesystem://",
        "MESSAGES_FOLDER": str(messages),
    }
    for env in (redis_env, in_files):
        subprocess.run([sys.executable, "-c", code], cwd=BASE_DIR, env=os.environ | env, check=True)


# --- what a thief of the disks would find ------------------------------------------------------------------------


def words_in_files(words: PersonalWords, folder: Path, *other_tests: Path) -> dict[str, list[str]]:
    """The files below the folder with one of the words; not those of other tests on the same server."""
    # `os.walk`, as topics of other tests are deleted meanwhile: it passes over a folder that is gone.
    files = [Path(parent, name) for parent, _, names in os.walk(folder) for name in names]
    files = [path for path in files if path.is_file() and not set(other_tests) & set(path.parents)]
    assert files, folder
    return {str(path): found for path in files if (found := words.found_in(_read_written_parts(path)))}


def _read_written_parts(path: Path) -> bytes:
    """The content of a file without its holes: Kafka reserves 20 MB of empty index for each partition."""
    content, end = b"", 0
    try:
        with path.open("rb") as file:
            while True:
                start = os.lseek(file.fileno(), end, os.SEEK_DATA)
                end = os.lseek(file.fileno(), start, os.SEEK_HOLE)
                content += os.pread(file.fileno(), end - start, start)
    except FileNotFoundError:  # a topic of another test, or a WAL file, is being removed
        return b""
    except OSError as error:
        if error.errno != errno.ENXIO:  # only a hole follows, or nothing
            raise
        return content


def files_in_postgres(words: PersonalWords) -> dict[str, list[str]]:
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        folder = Path(cursor.fetchone()[0])
        cursor.execute("SELECT oid FROM pg_database WHERE datname <> current_database()")
        return words_in_files(words, folder, *(folder / "base" / str(oid) for (oid,) in cursor.fetchall()))


def files_in_kafka(words: PersonalWords, stack: Stack) -> dict[str, list[str]]:
    own = topics.topic_name("")
    partitions = stack.folder.path.glob("kafka/data-*/test-*")
    return words_in_files(
        words, stack.folder.path, *(folder for folder in partitions if not folder.name.startswith(own))
    )


def words_in_topics(words: PersonalWords) -> dict[str, list[str]]:
    return {
        topic: found
        for topic in known_topic_names()
        for record in read_record_bytes(topic)
        if (found := words.found_in(record))
    }


def words_in_redis(words: PersonalWords, redis_env: dict[str, str]) -> list[str]:
    client: Any = redis.from_url(redis_env["CELERY_BROKER_URL"])
    keys = list(client.scan_iter())
    assert keys
    content = b"".join(key + (client.dump(key) or b"") for key in keys)
    client.close()
    return words.found_in(content)


def flush_to_disk() -> None:
    """Flush everything to files, run ANALYZE, and remove WAL files that are no longer needed."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        for _ in range(2):
            cursor.execute("SELECT pg_switch_wal()")
            cursor.execute("CHECKPOINT")


def test_no_file_of_any_server_holds_a_word_of_the_erased(
    words: PersonalWords,
    surroundings: None,
    stack: Stack,
    redis_stack: Stack,
    redis_env: dict[str, str],
    log_file: Path,
    flaky: Flaky,
    messages: Path,
) -> None:
    person, order_id = write_personal_data(words, flaky)
    settle_all()
    dead_letter_retry.retry(flaky.projection.name, person)
    rebuild(user_profile, KafkaEventLog(), requested_by="test")
    read_personal_data(words, person)
    read_history(person, order_id)
    queue_messages(redis_env, messages)
    cache.set("page", "about somebody else")
    settle_all()
    flush_to_disk()
    # The words are found where they may be, which shows that the search works.
    assert UserProfile.objects.get(pk=person).name == words.name
    assert OrderSummary.objects.get(pk=order_id).received_by == words.receiver
    before = {name for found in files_in_postgres(words).values() for name in found}
    assert before >= {"email", "name", "phone", "address", "delivery_name", "delivery_address", "receiver"}
    assert "customer_number" in before
    assert DeadLetter.objects.filter(aggregate_id=person).exists()
    # Other places contain none of them, erased or not.
    assert words_in_topics(words) == {}
    assert files_in_kafka(words, stack) == {}
    assert words_in_files(words, redis_stack.folder.path) == {}
    assert words_in_files(words, messages) == {}
    assert words_in_redis(words, redis_env) == []
    assert words.found_in(log_file.read_bytes()) == []

    now = timezone.now()
    send(RequestErasure(person, at=now, due_at=now))
    settle_all()
    assert not Snapshot.objects.exists()
    call_command("overwrite_erased")
    flush_to_disk()
    body = certificates.read_certificate(Certificate.objects.get(subject=person))
    assert body.scan.hits == []
    assert sum(count for where, count in body.scan.looked_at.items() if where.startswith("topic ")) > 0
    assert files_in_postgres(words) == {}
    assert words_in_topics(words) == {}
    assert files_in_kafka(words, stack) == {}
    assert words_in_files(words, redis_stack.folder.path) == {}
    assert words_in_files(words, messages) == {}
    assert words_in_redis(words, redis_env) == []
    assert words.found_in(log_file.read_bytes()) == []
