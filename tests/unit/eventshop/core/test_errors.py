"""One tree of errors: each has a code of its own, a sentence, and its data."""

from __future__ import annotations

from collections.abc import Iterator

import orders.domain.errors
from eventshop.core import errors
from eventshop.core.errors import CommandIdReused, CommandRefused, EventShopError, InvalidMessage


def walk_error_tree(root: type[EventShopError]) -> Iterator[type[EventShopError]]:
    yield root
    for error in root.__subclasses__():
        yield from walk_error_tree(error)


OURS = [
    error
    for error in walk_error_tree(EventShopError)
    if error.__module__ in (errors.__name__, orders.domain.errors.__name__)
]


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [error.code for error in OURS]
    assert len(OURS) > 20
    assert sorted(codes) == sorted(set(codes))


def test_every_error_has_a_sentence_as_its_docstring() -> None:
    for error in OURS:
        sentence = vars(error)["__doc__"].splitlines()[0]
        assert sentence[0].isupper(), error
        assert sentence.endswith("."), error


def test_the_docstring_is_the_message_and_the_data_follows() -> None:
    assert str(CommandIdReused()) == "This command id was already used for another command"
    error = CommandIdReused(command_id=7, first_used_for="ShipOrder")
    assert str(error) == "This command id was already used for another command: command id 7, first used for ShipOrder"
    assert error.data == {"command_id": 7, "first_used_for": "ShipOrder"}


def test_a_message_of_its_own_replaces_the_docstring() -> None:
    error = InvalidMessage("an order needs at least one line", lines=0)
    assert (str(error), error.data) == ("an order needs at least one line", {"lines": 0})


def test_what_the_rules_of_an_order_refuse_is_a_refused_command() -> None:
    known = [error for error in OURS if error.__module__ == orders.domain.errors.__name__]
    # The other two are what a process met, and no rule.
    others = {error.__name__ for error in known if not issubclass(error, CommandRefused)}
    assert others == {"UnexpectedRefusal", "RefundDeclined"}


def test_nonsense_is_also_a_value_error() -> None:
    # msgspec reports what `__post_init__` raises as a fault of the input only when it is one.
    assert issubclass(InvalidMessage, ValueError)
    assert not issubclass(CommandRefused, ValueError)
