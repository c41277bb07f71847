"""E-mail addresses are claimed as mailboxes: two mailboxes stay two people, and older claims go on working."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from django.db import transaction

from eventshop.core.errors import AlreadyTaken
from eventshop.privacy import blind_index
from eventshop.privacy.mailbox_identity import mailbox_identity
from eventshop.privacy.models import Claim

pytestmark = pytest.mark.usefixtures("clean_database")

LOWER, UPPER = "ada@example.org", "Ada@example.org"


def claim(email: str, person: UUID) -> UUID:
    with transaction.atomic():
        blind_index.claim_value("email", email, person)
    return person


def claim_as_before(email: str, person: UUID) -> UUID:
    """A claim of the former rule: only the folded form."""
    claim(email, person)
    assert Claim.objects.filter(subject=person, kind="email-identity").delete()[0] == 1
    return person


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("ada@example.org", "ada@EXAMPLE.Org.", True),
        ("ada@bücher.example", "ada@xn--bcher-kva.example", True),
        ("Zoe\u0308@example.org", "Zo\u00eb@example.org", True),
        ("Ada@Gmail.com", "ADA@gmail.com", True),
        ("ada@example.org", "Ada@example.org", False),
        ("ada@straße.de", "ada@strasse.de", False),
        ("a.da@gmail.com", "ada@gmail.com", False),
        ("ada+shop@example.org", "ada@example.org", False),
        ("ada@exa_mple.org", "ada@exa-mple.org", False),
    ],
)
def test_which_addresses_are_one_mailbox(one: str, other: str, is_same: bool) -> None:
    assert (mailbox_identity(one) == mailbox_identity(other)) is is_same


def test_two_mailboxes_are_two_people() -> None:
    first, second = claim(LOWER, uuid4()), claim(UPPER, uuid4())
    assert blind_index.find_holder("email", LOWER) == first
    assert blind_index.find_holder("email", UPPER) == second
    with pytest.raises(AlreadyTaken):
        claim("Ada@EXAMPLE.org", uuid4())


def test_other_capitals_find_the_only_account_and_then_the_first() -> None:
    first = claim(UPPER, uuid4())
    assert blind_index.find_holder("email", "ADA@example.org") == first
    assert blind_index.is_available("email", "ADA@example.org")
    claim(LOWER, uuid4())
    assert blind_index.find_holder("email", "ADA@example.org") == first


def test_a_given_up_address_is_free_for_others() -> None:
    person = claim(UPPER, uuid4())
    claim("ada@example.net", person)
    assert blind_index.find_holder("email", UPPER) is None
    assert claim(UPPER, uuid4()) == blind_index.find_holder("email", LOWER)
    assert blind_index.release_values(person) == 2


def test_an_account_from_before_keeps_its_address_in_every_spelling_until_its_mailbox_is_known() -> None:
    person = claim_as_before(UPPER, uuid4())
    assert blind_index.needs_identity("email", person)
    for spelling in (LOWER, UPPER):
        assert blind_index.find_holder("email", spelling) == person
        assert not blind_index.is_available("email", spelling)
        assert blind_index.is_available("email", spelling, person)
        with pytest.raises(AlreadyTaken):
            claim(spelling, uuid4())
    claim(UPPER, person)
    assert not blind_index.needs_identity("email", person)
    assert claim(LOWER, uuid4()) == blind_index.find_holder("email", LOWER)
    with pytest.raises(AlreadyTaken):
        claim(UPPER, uuid4())


def test_values_without_an_identity_are_compared_without_case() -> None:
    person = claim_number("VAT 1", uuid4())
    assert blind_index.find_holder("vat", "vat 1 ") == person
    assert not blind_index.is_available("vat", "VAT 1") and not blind_index.needs_identity("vat", person)
    with pytest.raises(AlreadyTaken):
        claim_number("vat 1", uuid4())


def claim_number(value: str, person: UUID) -> UUID:
    with transaction.atomic():
        blind_index.claim_value("vat", value, person)
    return person
