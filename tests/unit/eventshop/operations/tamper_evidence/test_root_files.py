"""Signed roots survive a file unchanged; a damaged line is named by its number."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO

import pytest

from eventshop.core.errors import InvalidMessage
from eventshop.operations.models import SignedRoot
from eventshop.operations.tamper_evidence.root_files import encode_roots, read_roots
from tests.support.raised import with_data


def signed_root(number: int) -> SignedRoot:
    return SignedRoot(
        number=number,
        after_position=10 * (number - 1),
        to_position=10 * number,
        streams=3,
        root=bytes([number]) * 32,
        previous=bytes(32),
        taken_at=datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC),
        public_key="ab" * 32,
        signature=b"\x00\xff" * 32,
        heads=memoryview(b"heads"),
    )


def test_roots_come_back_from_a_file_as_they_were() -> None:
    lines = list(encode_roots([signed_root(1), signed_root(2)]))
    assert [line.count(b"\n") for line in lines] == [1, 1]
    first, second = read_roots(BytesIO(b"".join(lines)))
    for root, original in ((first, signed_root(1)), (second, signed_root(2))):
        for field in SignedRoot._meta.concrete_fields:
            value = getattr(original, field.attname)
            assert getattr(root, field.attname) == (bytes(value) if isinstance(value, memoryview) else value)


@pytest.mark.parametrize("damaged", [b"{}\n", b"no JSON\n", b'{"number": "one"}\n'])
def test_a_line_that_is_no_root_is_named(damaged: bytes) -> None:
    roots = read_roots(BytesIO(b"".join([*encode_roots([signed_root(1)]), damaged])))
    assert next(roots).number == 1
    with pytest.raises(InvalidMessage, check=with_data(line=2)):
        next(roots)
