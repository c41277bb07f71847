"""Personal values are ciphertext wherever they are kept, and open in one place only: where they were written."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from msgspec.structs import replace

from eventshop.core.errors import AlreadyTaken, CommandIdReused, PersonErased, Tampered
from eventshop.core.message_registry import registry
from eventshop.core.messages import Envelope, new_id
from eventshop.core.personal_fields import Redacted
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.command_dispatcher import send, send_many
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent, StoredReceipt
from eventshop.eventstore.records import to_recorded_event
from eventshop.privacy import blind_index
from eventshop.privacy.encryption import personal_keys
from eventshop.privacy.models import Claim, ErasedPerson, PersonalKey
from tests.support.database import count_round_trips, dump_database
from tests.support.raised import with_data
from users.domain.commands import ChangeContactDetails, CreateUser, ExportData
from users.domain.errors import InvalidUserState
from users.domain.events import UserCreated

pytestmark = pytest.mark.usefixtures("clean_database")

WORDS = ("ada@example.org", "Ada Lovelace", "+44 20 1", "12 St James's Square")


def create_ada(user_id: UUID | None = None) -> CreateUser:
    return CreateUser(user_id or uuid4(), *WORDS)


def test_what_is_stored_is_ciphertext_and_what_is_read_is_what_was_said() -> None:
    command = create_ada()
    send(command)
    stored = dump_database()
    for word in WORDS:
        assert word not in stored
    [happened] = store.get_events(command.user_id)
    assert happened.event == UserCreated(command.user_id, *WORDS, source="page")
    personal_keys.key_cache.clear()
    assert store.get_events(command.user_id) == [happened]


def test_one_key_for_each_person_and_purpose_and_an_empty_text_needs_none() -> None:
    command = replace(create_ada(), phone="", address="")
    send(command)
    send(ChangeContactDetails(command.user_id, email="ada@example.net", name="Ada King"))
    assert list(
        PersonalKey.objects.exclude(subject=blind_index.INDEX_KEY_SUBJECT).values_list("subject", "purpose")
    ) == [(command.user_id, "contact")]
    assert '"phone":""' in StoredEvent.objects.first().payload  # type: ignore[union-attr]


def test_a_refused_command_leaves_no_key_and_no_claim() -> None:
    with pytest.raises(InvalidUserState):
        send(ChangeContactDetails(uuid4(), email="ada@example.net", name="Ada King"))
    assert not PersonalKey.objects.exists()
    assert not Claim.objects.exists()
    assert not StoredReceipt.objects.exists()


def test_without_its_key_a_value_is_redacted_and_the_rest_is_there() -> None:
    command = create_ada()
    send(command)
    assert personal_keys.destroy_keys(command.user_id) == ["contact"]
    [happened] = store.get_events(command.user_id)
    gone = Redacted("contact")
    assert happened.event == UserCreated(command.user_id, gone, gone, gone, gone, source="page")
    assert str(gone) == "[erased]"


# --- a value is decrypted in its own event and field only --------------------------------------------------------


def decode_elsewhere(payload: str, **context: Any) -> None:
    """Decode Ada's first event with another payload, or in another field context."""
    [row] = backend().select_events("WHERE version = 1 ORDER BY position LIMIT 1", ())
    to_recorded_event(row._replace(payload=payload, **context), registry)


def test_a_value_moved_to_another_event_field_or_person_does_not_open() -> None:
    command, bob = create_ada(), CreateUser(uuid4(), "bob@example.org", "Bob", "+44 20 2", "1 Main Street")
    send(command)
    send(bob)
    [row, bobs] = backend().select_events("ORDER BY position", ())
    payload, others = row.payload, bobs.payload
    decode_elsewhere(payload)  # unchanged
    with pytest.raises(Tampered, check=with_data(event="UserCreated")):
        decode_elsewhere(payload, version=2)
    with pytest.raises(Tampered, check=with_data(field="email")):
        decode_elsewhere(payload, aggregate_id=bob.user_id)
    name = payload.partition('"name":"')[2].partition('"')[0]
    phone = payload.partition('"phone":"')[2].partition('"')[0]
    with pytest.raises(Tampered, check=with_data(field="phone")):
        decode_elsewhere(payload.replace(phone, name))
    bobs_name = others.partition('"name":"')[2].partition('"')[0]
    with pytest.raises(Tampered, check=with_data(field="name")):
        decode_elsewhere(payload.replace(name, bobs_name))
    with pytest.raises(Tampered):
        decode_elsewhere(payload.replace(str(command.user_id), str(bob.user_id)))


@pytest.mark.parametrize("value", ["Ada Lovelace", "e1.", "e1.AAAA", "e1.####", "e2.AAAA"])
def test_what_is_no_ciphertext_is_refused_where_one_must_stand(value: str) -> None:
    send(create_ada())
    [row] = backend().select_events("ORDER BY position", ())
    name = row.payload.partition('"name":"')[2].partition('"')[0]
    with pytest.raises(Tampered, check=with_data(field="name")) as refused:
        decode_elsewhere(row.payload.replace(name, value))
    assert "Ada" not in str(refused.value)


# --- commands that come again ------------------------------------------------------------------------------------


def test_the_same_command_gives_the_same_answer_and_another_payload_is_refused() -> None:
    command, envelope = create_ada(), Envelope(command_id=new_id())
    first = send(command, envelope=envelope)
    personal_keys.key_cache.clear()
    again = send(command, envelope=envelope)
    assert (again.replayed, again.position) == (True, first.position)
    with pytest.raises(CommandIdReused):
        send(replace(command, phone="+44 20 9"), envelope=envelope)


def test_the_stored_hash_of_a_command_cannot_be_guessed_by_trying_names() -> None:
    """The same person's same data gives another hash under another key: nobody without the key can compare."""
    command, envelope = create_ada(), Envelope(command_id=new_id())
    send(command, envelope=envelope)
    first = bytes(StoredReceipt.objects.get().payload_hash)
    with transaction.atomic():
        PersonalKey.objects.all().delete()
        Claim.objects.all().delete()
    personal_keys.key_cache.clear()
    with pytest.raises(CommandIdReused):
        send(command, envelope=envelope)
    assert bytes(StoredReceipt.objects.get().payload_hash) == first


# --- what one person only may have -------------------------------------------------------------------------------


def test_an_email_address_is_one_persons() -> None:
    first = create_ada()
    send(first)
    assert blind_index.find_holder("email", " ada@Example.ORG ") == first.user_id
    with pytest.raises(AlreadyTaken, match="email") as refused:
        send(replace(create_ada(), email="ada@EXAMPLE.org"))
    assert "example" not in str(refused.value)
    assert StoredEvent.objects.count() == 1
    assert blind_index.find_holder("email", "nobody@example.org") is None


def test_an_address_that_was_given_up_can_be_had_by_somebody_else() -> None:
    first = create_ada()
    send(first)
    send(ChangeContactDetails(first.user_id, email="ada@example.net", name="Ada"))
    send(create_ada())
    assert blind_index.find_holder("email", "ada@example.net") == first.user_id
    with pytest.raises(AlreadyTaken):
        send(ChangeContactDetails(first.user_id, email="ada@example.org", name="Ada"))
    assert blind_index.find_holder("email", "ada@example.net") == first.user_id
    assert blind_index.release_values(first.user_id) == 2
    send(replace(create_ada(), email="ada@example.net"))


def test_in_a_batch_only_the_one_who_comes_second_is_refused() -> None:
    people = [create_ada(), create_ada(), replace(create_ada(), email="bob@example.org")]
    outcomes = send_many([(person, Envelope(command_id=new_id())) for person in people])
    assert [isinstance(outcome, AlreadyTaken) for outcome in outcomes] == [False, True, False]
    assert StoredEvent.objects.count() == 2
    assert PersonalKey.objects.exclude(subject=blind_index.INDEX_KEY_SUBJECT).count() == 2
    personal_keys.key_cache.clear()
    assert store.get_events(people[2].user_id)[0].event.email == "bob@example.org"


def test_commands_of_one_batch_share_the_new_key() -> None:
    person = create_ada()
    send_many(
        [
            (person, Envelope(command_id=new_id())),
            (ChangeContactDetails(person.user_id, "ada@example.net", "Ada King"), Envelope(command_id=new_id())),
        ]
    )
    personal_keys.key_cache.clear()
    assert [item.event.name for item in store.get_events(person.user_id)] == ["Ada Lovelace", "Ada King"]


def test_a_key_made_in_a_transaction_that_is_rolled_back_is_used_no_more() -> None:
    person = create_ada()
    with pytest.raises(RuntimeError), transaction.atomic():
        send(person)
        raise RuntimeError
    assert not PersonalKey.objects.exists()
    send(person)
    personal_keys.key_cache.clear()
    assert store.get_events(person.user_id)[0].event.name == "Ada Lovelace"


# --- erased for ever ---------------------------------------------------------------------------------------------


def test_no_key_is_made_for_the_erased() -> None:
    person = create_ada()
    personal_keys.destroy_keys(person.user_id)
    assert ErasedPerson.objects.get().subject == person.user_id
    with pytest.raises(PersonErased):
        send(person)
    bob = replace(create_ada(), email="bob@example.org")
    outcomes = send_many([(command, Envelope(command_id=new_id())) for command in (person, bob)])
    assert [isinstance(outcome, PersonErased) for outcome in outcomes] == [True, False]
    assert not PersonalKey.objects.filter(subject=person.user_id).exists()
    assert [event.aggregate_id for event in StoredEvent.objects.all()] == [bob.user_id]


def test_destroying_twice_does_nothing_more() -> None:
    person = create_ada()
    send(person)
    assert personal_keys.destroy_keys(person.user_id) == ["contact"]
    assert personal_keys.destroy_keys(person.user_id) == []
    assert ErasedPerson.objects.count() == 1


# --- costs -------------------------------------------------------------------------------------------------------


@pytest.mark.postgres
def test_a_known_persons_command_needs_no_statement_more() -> None:
    person = create_ada()
    send(person)
    send(ExportData(person.user_id))  # no personal fields
    assert count_round_trips(lambda: send(ExportData(person.user_id))) == 1
