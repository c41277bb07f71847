"""Pages answer nonsense in addresses and fields. Who may open which is in the test of the permission matrix."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest

from eventshop.operations.rights import Audience
from eventshop.web.permission_matrix import list_doors
from tests.support.customers import sign_in_customer

pytestmark = [pytest.mark.usefixtures("clean_database"), pytest.mark.both]

#: Percent-encoded, as in a URL.
NONSENSE = ("%00", "%C3%BC", "..%2F..", "%F0%9F%98%80", "'--", "99999999999999999999", "a" * 2_000)
FIELDS = ("form_id", "answer", "notice", "quantity", "total", "email", "name", "password", "username", "reason")
TICKET = (
    "account",
    "instrument",
    "side",
    "type",
    "limit_price",
    "time_in_force",
    "repeated",
    "seen",
    "place",
    "change",
)
ASKED = (Audience.EVERYBODY, Audience.LINK, Audience.CUSTOMERS)
LISTS = (
    "shop/?q",
    "shop/?page",
    "orders/?page",
    *(f"trading/?{parameter}" for parameter in ("page", "account", "status", "side", "sort", "format")),
)


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_nonsense_in_addresses_and_fields_is_never_a_server_error(nonsense: str) -> None:
    client, _ = sign_in_customer()
    client.raise_request_exception = False
    pages = {door.path for door in list_doors() if door.kind == "page" and door.rights.audience in ASKED}
    pages -= {"readyz", "api/v1/openapi.json", "api/v1/asyncapi.json"}
    paths = [f"/{re.sub(r'<[a-z]+:[a-z_]+>', nonsense, path)}" for path in sorted(pages)]
    for path in [*paths, *(f"/{listed}={nonsense}" for listed in LISTS)]:
        assert client.get(path).status_code < 500, path
    for path in paths:
        if "sign-out" not in path:
            assert client.post(path, dict.fromkeys(FIELDS + TICKET, unquote(nonsense))).status_code < 500, path
