"""The watchdog ends a process whose call hangs, whatever else it watches."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from eventshop.runtime.watchdog import EXIT_CODE_HANGING
from tests.support.processes import ROOT
from tests.support.waiting import DEADLINE_S

SCRIPT = """
import django
django.setup()
import time
from eventshop.runtime.watchdog import Watchdog
watchdog = Watchdog()
BODY
"""


def run_with_watchdog(body: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", SCRIPT.replace("BODY", body)],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        timeout=DEADLINE_S,
        check=False,
    )


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("with watchdog.deadline(0.05, 'a call'): time.sleep(600)", id="the first call"),
        pytest.param(
            "with watchdog.deadline(600, 'an outer call'):\n"
            "    time.sleep(0.2)\n"
            "    with watchdog.deadline(0.05, 'a call'): time.sleep(600)",
            id="a call inside another",
        ),
        pytest.param(
            "for _ in range(1000):\n"
            "    with watchdog.deadline(600, 'a fast call'): pass\n"
            "time.sleep(0.2)\n"
            "with watchdog.deadline(0.05, 'a call'): time.sleep(600)",
            id="a call after many",
        ),
    ],
)
def test_a_call_that_hangs_ends_the_process(body: str) -> None:
    ended = run_with_watchdog(body)
    assert ended.returncode == EXIT_CODE_HANGING
    assert b"a call hangs" in ended.stderr
    assert b'File "<string>", line' in ended.stderr  # where the call is


def test_calls_within_their_deadlines_and_a_closed_watchdog_end_nothing() -> None:
    body = (
        "with watchdog.deadline(600, 'a call'): pass\n"
        "watchdog.close()\n"
        "time.sleep(0.2)\n"
        "with watchdog.deadline(0.01, 'unwatched'): time.sleep(0.2)"
    )
    assert run_with_watchdog(body).returncode == 0
