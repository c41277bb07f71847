"""The supervisor restarts with back-off; the logs of all processes are read together."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from deploy.stack.folder import DataFolder
from deploy.stack.logs import LogFile, tail_logs
from deploy.stack.processes import Process, stop_processes
from deploy.stack.supervisor import MAX_BACKOFF_S, RESET_AFTER_S, SupervisedProcess
from tests.support.processes import ROOT
from tests.support.waiting import wait_until

SLEEP = [sys.executable, "-c", "import time; time.sleep(3600)"]
ENDS = [sys.executable, "-c", "print('no, not today')"]


def test_what_is_killed_runs_again_and_is_left_running_at_the_end(tmp_path: Path) -> None:
    one = Process("one", DataFolder(tmp_path))
    programs = json.dumps({"one": SLEEP})
    supervisor = Process("supervisor", DataFolder(tmp_path))
    supervisor.start([sys.executable, "-m", "deploy.stack.supervisor", tmp_path, programs], cwd=ROOT)
    first = wait_until(lambda: one.pid, seen=supervisor.log)
    one.send_signal(signal.SIGKILL)
    wait_until(lambda: one.pid not in (first, None), seen=supervisor.log)
    stop_processes([supervisor])
    assert one.pid
    assert "one " in supervisor.log.read_text()
    stop_processes([one])


def test_what_ends_again_and_again_is_tried_ever_later(tmp_path: Path) -> None:
    process = Process("one", DataFolder(tmp_path))
    kept = SupervisedProcess(process, ENDS)
    waits = []
    now = kept.started_at = 0.0  # not this machine's clock: the sums below are then exact
    for _ in range(8):
        kept.start(now)
        wait_until(lambda: process.pid is None)
        assert "no, not today" in (kept.check(now) or "")
        assert kept.restart_at is not None
        assert kept.check(now) is None
        waits.append(kept.restart_at - now)
        now = kept.restart_at
    assert waits == [1, 2, 4, 8, 16, MAX_BACKOFF_S, MAX_BACKOFF_S, MAX_BACKOFF_S]
    kept.start(now)
    wait_until(lambda: process.pid is None)
    kept.check(now + RESET_AFTER_S + 1)
    assert kept.exits == 1


def test_logs_are_read_side_by_side(tmp_path: Path) -> None:
    for name, text in (("web", "1\n2\n3\n"), ("relay", "a\nunfinished")):
        (tmp_path / f"{name}.log").write_text(text)
    paths = [tmp_path / name for name in ("web.log", "relay.log", "missing.log")]
    assert list(tail_logs(paths, first=2)) == ["web     | 2", "web     | 3", "relay   | a"]
    assert list(tail_logs(paths, first=0)) == []


def test_new_lines_are_told_once_and_whole_and_a_log_may_begin_anew(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "one.log")
    assert log.read_last(5) == []
    with log.path.open("a") as file:
        file.write("first\nsec")
        file.flush()
        assert log.read_new() == ["first"]
        file.write("ond\n")
    assert log.read_new() == ["second"]
    assert log.read_new() == []
    log.path.write_text("anew\n")
    assert log.read_new() == ["anew"]
