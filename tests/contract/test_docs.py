"""Every example in docs/api.md is run unchanged, by a shell with curl, against a running server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings

from orders.demo.products import PRODUCTS
from orders.models import Product
from tests.support.api_clients import token_of
from tests.support.browser import serve
from tests.support.populated_shop import populate_shop
from tests.support.staff import update_read_models

pytestmark = pytest.mark.usefixtures("clean_database")

PAGE = settings.BASE_DIR / "docs" / "api.md"
_EXAMPLE = re.compile(r"^(?: {4}.*\n)+", re.MULTILINE)
#: What the reader takes from a response: `# ORDER: the answer's aggregate_id`.
_TAKEN = re.compile(r"# ([A-Z]+): the answer's (\w+)")


def examples() -> list[str]:
    return [re.sub("^ {4}", "", example, flags=re.MULTILINE) for example in _EXAMPLE.findall(PAGE.read_text())]


@pytest.fixture
def server() -> Iterator[str]:
    with serve() as address:
        yield address


def _supports_json() -> bool:
    """Whether curl is installed and has `--json` (since 7.82, of 2022)."""
    return (
        bool(shutil.which("curl"))
        and "--json" in subprocess.run(["curl", "--help", "http"], capture_output=True, text=True, check=False).stdout
    )


@pytest.mark.skipif(not _supports_json(), reason="NOT TESTED: needs curl 7.82 or newer")
def test_every_example_does_what_the_page_says(server: str) -> None:
    setting_up, *others = examples()
    variables = {"SHOP": server, "TOKEN": token_of(populate_shop())}
    Product.objects.bulk_create(Product(sku=sku, name=name, price=Decimal(price)) for sku, name, price in PRODUCTS)
    for example in others:
        answer = _run(setting_up + example, variables)
        for name, field in _TAKEN.findall(example):
            variables[name] = answer[field]
        if answer and "position" in answer:
            variables["SEEN"] = f"{answer['aggregate_id'].replace('-', '')}-{answer['position']}"
        update_read_models()
    assert len(others) > 12 and {"ORDER", "COMMAND", "ACCOUNT", "TRADE", "HOOK"} <= set(variables)


def _run(script: str, variables: dict[str, str]) -> Any:
    result = subprocess.run(
        ["bash", "-euc", script], env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, script + result.stdout + result.stderr
    return json.loads(result.stdout) if result.stdout else None
