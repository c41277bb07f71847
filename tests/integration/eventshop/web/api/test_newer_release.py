"""Requests that need an event of a newer release are refused as such, and can be repeated."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.api_clients import ApiClient, problem_of, staff
from tests.support.older_program import older_program

pytestmark = pytest.mark.usefixtures("clean_database")


def deliver(program: ApiClient, reference: str) -> Any:
    return program.post("stock/MUG/receipts", {"quantity": 5, "reference": reference})


def test_a_command_is_refused_with_the_time_to_repeat_it() -> None:
    program = ApiClient(staff("keeper", "receive_stock"))
    assert deliver(program, "first").status_code == 201
    with older_program("StockReceived"):
        refused = deliver(program, "second")
        assert refused["Retry-After"] == "5"
        assert problem_of(refused) == (503, "program-too-old")
    assert deliver(program, "third").status_code == 201
