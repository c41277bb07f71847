"""A call of a leader or of the event feed that never returns ends the process, so that another one goes on."""

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
    has_more = False

    def linger_s(self, published):
        return 0.0
    def close(self):
        self.reach("close")

leader_election.run_leader(lambda watchdog: HangingLeader(), Event())
"""

#: A feed whose log never answers, and a reader that waits for it.
HANGING_FEED = """
import time
from threading import Event
import django
django.setup()
from eventshop.messaging import event_feed
from eventshop.messaging.database_event_log import DatabaseEventLog
event_feed.ROUND_LIMIT_S = 0.2

class HangingLog(DatabaseEventLog):
    def open_reader(self, name):
        time.sleep(600)

log = HangingLog()
feed = event_feed.EventFeed(log)
reader = feed.open_reader("reader")
reader.offsets = log.ends()
feed.run(Event())
"""


def run_until_it_ends(database_url: str, *arguments: str) -> str:
    """Run a script that hangs; return what it wrote about that."""
    ended = subprocess.run(
        [sys.executable, "-c", *arguments],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url},
        capture_output=True,
        timeout=DEADLINE_S,
        check=False,
        text=True,
    )
    assert ended.returncode == EXIT_CODE_HANGING, ended.stderr
    return ended.stderr


@pytest.mark.parametrize(
    "step",
    ["take_over", pytest.param("publish_batch", marks=pytest.mark.long), pytest.param("close", marks=pytest.mark.long)],
)
def test_a_step_that_never_returns_ends_the_process(step: str, database_url: str) -> None:
    said = run_until_it_ends(database_url, HANGING, step)
    assert "hangs; ending this process" in said
    assert "in reach" in said  # where it hung


@pytest.mark.long
def test_a_read_of_the_event_feed_that_never_returns_ends_the_process(database_url: str) -> None:
    said = run_until_it_ends(database_url, HANGING_FEED)
    assert "reading the event log hangs" in said
    assert "in open_reader" in said
