"""Fuzzing of the API: no request, valid or not, causes a server error, and every response fits the OpenAPI document.

The suite sends a few requests of each kind; `make fuzz` sends more than ten thousand.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from eventshop.web.api import openapi_views
from tests.support.api_clients import token_of
from tests.support.browser import serve
from tests.support.populated_shop import known_ids, populate_shop
from tests.support.waiting import DEADLINE_S

pytestmark = pytest.mark.usefixtures("clean_database")

HERE = Path(__file__).parent
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "ignored_auth",
    "use_after_free",
)
#: The number of examples of each kind per endpoint.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "1"))
#: Test every boundary value of every parameter: about 3,400 requests.
AT_LENGTH = EXAMPLES > 1


@pytest.fixture
def server() -> Iterator[tuple[str, str]]:
    """The address of a shop with data of every kind, and the token of a user with all permissions."""
    with override_settings(API_RATE="1000000/m"), serve() as address:
        yield address, token_of(populate_shop())


def run_schemathesis(
    server: tuple[str, str], folder: Path, phases: str, parameters: Mapping[str, str] | None = None
) -> Any:
    """What Schemathesis reports."""
    config, report = folder / f"{phases}.toml", folder / f"{phases}.json"
    parameter_lines = "\n".join(f'"{name}" = "{value}"' for name, value in (parameters or {}).items())
    config.write_text(f"{(HERE / 'schemathesis.toml').read_text()}\n[parameters]\n{parameter_lines}\n")
    address, token = server
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", str(openapi_views.FILE)),
        *("--url", address, "--header", f"Authorization: Bearer {token}", "--phases", phases),
        *("--request-timeout", f"{DEADLINE_S:.0f}"),
        *("--checks", ",".join(CHECKS), "--max-examples", str(EXAMPLES), "--continue-on-failure", "--no-color"),
        *("--generation-deterministic", "--no-shrink", "--warnings", "off"),
        *("--suppress-health-check", "all", "--report", "json", "--report-json-path", str(report)),
    ]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    print(result.stdout)  # noqa: T201  (the requests, and how to repeat them)
    assert report.exists(), result.stderr
    return json.loads(report.read_text())


def test_whatever_is_sent_no_fault_and_every_answer_as_described(server: tuple[str, str], tmp_path: Path) -> None:
    """Requests with existing ids, which get past the lookups, and stateful requests with ids from earlier responses."""
    reports = [
        run_schemathesis(server, tmp_path, "coverage,fuzzing" if AT_LENGTH else "fuzzing", known_ids()),
        run_schemathesis(server, tmp_path, "examples,stateful"),
    ]
    cases = [report["test_cases"] for report in reports]
    print(f"{sum(case['generated'] for case in cases):,} requests")  # noqa: T201
    assert all(report["complete"] and not report["errors"] for report in reports)
    assert [report["failures"] for report in reports] == [[], []]
    assert sum(case["generated"] for case in cases) >= (10_000 if EXAMPLES >= 110 else 150)
