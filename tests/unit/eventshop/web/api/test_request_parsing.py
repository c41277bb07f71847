"""What is wrong in a JSON body is named with a JSON pointer (RFC 6901); headers with the version or a refusal."""

from __future__ import annotations

import msgspec
import pytest
from django.test import RequestFactory
from rest_framework.request import Request

from eventshop.web.api.etag import etag, expected_version
from eventshop.web.api.request_parsing import RawJsonParser, parse_body
from eventshop.web.shared.errors import InvalidBody, InvalidHeader, PreconditionMissing


class Line(msgspec.Struct):
    quantity: int


class Body(msgspec.Struct):
    lines: list[Line]
    note: str = ""


def post(body: bytes, **headers: str) -> Request:
    request = RequestFactory().post("/", body, content_type="application/json", headers=headers)
    return Request(request, parsers=[RawJsonParser()])


def test_a_body_becomes_a_struct() -> None:
    assert parse_body(post(b'{"lines": [{"quantity": 2}]}'), Body) == Body([Line(2)])


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"lines": [{"quantity": 1}, {"quantity": "2"}]}', "/lines/1/quantity"),
        (b'{"lines": [{"quantity": 1.5}]}', "/lines/0/quantity"),
        (b'{"lines": [], "note": 7}', "/note"),
        (b"{}", ""),
    ],
)
def test_a_fault_is_named_with_a_pointer(body: bytes, pointer: str) -> None:
    with pytest.raises(InvalidBody) as refused:
        parse_body(post(body), Body)
    [location] = refused.value.locations
    assert location["pointer"] == pointer and location["detail"]


def test_if_match_names_the_version() -> None:
    assert expected_version(post(b"", **{"If-Match": etag(7)})) == 7
    assert expected_version(post(b"", **{"If-Match": "*"})) is None
    assert expected_version(post(b""), required=False) is None
    with pytest.raises(PreconditionMissing):
        expected_version(post(b""))


@pytest.mark.parametrize("tag", ["7", 'W/"7"', '"7", "8"', '"seven"', '"-1"', '"1234567890"'])
def test_any_other_entity_tag_is_refused(tag: str) -> None:
    with pytest.raises(InvalidHeader):
        expected_version(post(b"", **{"If-Match": tag}))
