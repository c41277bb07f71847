"""No command stores an e-mail address in a text that stays in clear: it would outlive its person's erasure."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final
from uuid import uuid4

import msgspec
import pytest
from msgspec import Struct

from eventshop.core import serialization
from eventshop.core.errors import EventShopError
from eventshop.core.field_errors import InvalidFields, convert_input
from eventshop.core.message_registry import registry
from eventshop.core.messages import Command
from eventshop.core.text_classification import clear_texts
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.models import StoredEvent
from orders.domain.commands import DispatchInventory, ReleaseInventory, ReverseObservedReturn, WriteOffStock
from orders.domain.document_series import IssueDocument
from orders.domain.vat import VatAmount
from tests.integration.reported.test_wishes import WISHES
from tests.support.api_endpoints import request_bodies
from tests.support.database import dump_database
from tests.support.input_fields import Path, input_fields, nest, replace_at
from tests.unit.orders.domain import examples as orders
from tests.unit.orders.domain.examples import THEN
from tests.unit.users.domain.examples import ADA
from trading.domain.commands import RecordAuditExport
from users.domain.commands import EraseData, RecordAccess, RecordProcessing
from users.domain.events import Kept

EMAIL: Final = "zzclear@example.org"
CLEAR: Final = {name: command for name, command in registry.commands.items() if clear_texts(command)}
BODIES: Final = {body.__name__: body for body in request_bodies() if clear_texts(body)}


def clear_paths(struct: type[Struct]) -> Iterator[Path]:
    """The texts in clear of a type. `Money` knows its currencies, and refuses all others."""
    names = clear_texts(struct).keys()
    for path in input_fields(struct, str):
        if ".".join(str(part) for part in path if part != 0) in names and path[-1] != "currency":
            yield path


def details_at(struct: type[Struct], path: Path) -> str:
    with pytest.raises(InvalidFields) as refused:
        convert_input(nest(path, f"of {EMAIL}"), struct)
    return "".join(error.detail for error in refused.value.field_errors if error.path == path)


@pytest.mark.parametrize("struct", [*CLEAR.values(), *BODIES.values()], ids=[*CLEAR, *BODIES])
def test_each_text_in_clear_refuses_an_email_address_by_its_name(struct: type[Struct]) -> None:
    accepted = [path for path in clear_paths(struct) if "e-mail address" not in details_at(struct, path)]
    assert accepted == []


def _examples() -> dict[str, Command]:
    """A command of each type with texts in clear."""
    others = (
        *(ReleaseInventory("MUG", orders.ORDER, 1), DispatchInventory("MUG", orders.ORDER, 1)),
        *(WriteOffStock("MUG", 1, "broken", "W-1"), orders.receive((1, 1)), orders.credit, orders.request),
        *(ReverseObservedReturn(orders.ORDER, "R9", orders.ask_return((1, 1)).lines), orders.ask_return((1, 1))),
        *(
            RecordAccess(ADA, ("phone",), "asked", "staff:1"),
            EraseData(ADA, ("Marketing",), (Kept("orders", "law", None),)),
        ),
        RecordProcessing(ADA, "CustomerOrderManagement", "sent", THEN),
        IssueDocument(
            "invoice", orders.ORDER, None, "536365", THEN, (VatAmount(Decimal(20), *[orders.gbp("1.00")] * 3),)
        ),
        RecordAuditExport(uuid4(), None, "asked", "csv", 1, 1, "0" * 64),
    )
    return {type(command).__name__: command for commands in (*WISHES, others) for command in commands}


@pytest.mark.usefixtures("clean_database")
def test_nothing_of_a_command_with_an_email_address_in_a_text_in_clear_is_stored() -> None:
    examples, accepted = _examples(), []
    assert CLEAR.keys() - examples.keys() == set()
    for name, command in CLEAR.items():
        raw = msgspec.json.decode(serialization.encode_canonical(examples[name])[0])
        for path in clear_paths(command):
            try:
                send(msgspec.convert(replace_at(raw, path, EMAIL), command))
            except (EventShopError, msgspec.ValidationError):
                continue
            accepted.append((name, path))
    assert accepted == []
    assert not StoredEvent.objects.exists()
    assert EMAIL not in dump_database()
