"""A leader whose call never returns ends its process, so that another one publishes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from eventshop.runtime.watchdog import EXIT_CODE_HANGING
from tests.support.processes import ROOT
from tests.support.waiting import DEADLINE_S

#: A leader that hangs in one of its steps, like a client whose broker vanished.
HANGING = """
import sys, time
from threading import Event
import django
django.setup()
from eventshop.messaging.relay import leader_election
from eventshop.runtime.wake_signals import Channel
leader_election.STEP_LIMIT_S = 0.2

class HangingLeader:
    topic, owner, channel = "topic", "hanging", Channel.EVENTS
    def reach(self, step):
        if step == sys.argv[1]:
            time.sleep(600)
    def take_over(self):
        self.reach("take_over")
    def publish_batch(self):
        self.reach("publish_batch")
        if sys.argv[1] == "close":
            raise OSError("the end of this term")
        return 0
    def wait_s(self):
        return 0.01
    def linger_s(self, published):
        return 0.0
    def close(self):
        self.reach("close")

leader_election.run_leader(lambda watchdog: HangingLeader(), Event())
"""


@pytest.mark.parametrize(
    "step",
    ["take_over", pytest.param("publish_batch", marks=pytest.mark.long), pytest.param("close", marks=pytest.mark.long)],
)
def test_a_step_that_never_returns_ends_the_process(step: str, database_url: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", HANGING, step],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url},
        capture_output=True,
        timeout=DEADLINE_S,
        check=False,
        text=True,
    )
    assert ended.returncode == EXIT_CODE_HANGING, ended.stderr
    assert "hangs; ending this process" in ended.stderr
    assert "in reach" in ended.stderr  # where it hung
