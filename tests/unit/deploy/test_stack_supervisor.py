"""What ends is started again, ever later; the logs of all are read side by side."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from deploy.stack.folder import Folder
from deploy.stack.logs import Log, lines
from deploy.stack.processes import Process, stop, wait_for
from deploy.stack.supervisor import CALM_S, LONGEST_WAIT_S, Kept
from tests.support.processes import ROOT

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
ENDS = [sys.executable, "-c", "print('no, not today')"]


def test_what_is_killed_runs_again_and_is_left_running_at_the_end(tmp_path: Path) -> None:
    one = Process("one", Folder(tmp_path))
    programs = json.dumps({"one": SLEEP})
    supervisor = Process("supervisor", Folder(tmp_path))
    supervisor.start([sys.executable, "-m", "deploy.stack.supervisor", tmp_path, programs], cwd=ROOT)
    assert wait_for(lambda: one.pid, within_s=20)
    first = one.pid
    one.send(signal.SIGKILL)
    assert wait_for(lambda: one.pid not in (first, None), within_s=20)
    stop([supervisor])
    assert one.pid
    assert "one started again" in supervisor.log.read_text()
    stop([one])


def test_what_ends_again_and_again_is_tried_ever_later(tmp_path: Path) -> None:
    process = Process("one", Folder(tmp_path))
    kept = Kept(process, ENDS)
    waits = []
    now = kept.begun
    for _ in range(8):
        kept.start(now)
        assert wait_for(lambda: process.pid is None, within_s=10)
        assert "no, not today" in (kept.look(now) or "")
        assert kept.not_before is not None
        assert kept.look(now) is None
        waits.append(kept.not_before - now)
        now = kept.not_before
    assert [round(wait) for wait in waits] == [1, 2, 4, 8, 16, 30, 30, 30]
    assert max(waits) <= LONGEST_WAIT_S
    kept.start(now)
    assert wait_for(lambda: process.pid is None, within_s=10)
    kept.look(now + CALM_S + 1)
    assert kept.ends == 1


def test_logs_are_read_side_by_side(tmp_path: Path) -> None:
    for name, text in (("web", "1\n2\n3\n"), ("relay", "a\nunfinished")):
        (tmp_path / f"{name}.log").write_text(text)
    paths = [tmp_path / name for name in ("web.log", "relay.log", "missing.log")]
    assert list(lines(paths, first=2)) == ["web     | 2", "web     | 3", "relay   | a"]
    assert list(lines(paths, first=0)) == []


def test_new_lines_are_told_once_and_whole_and_a_log_may_begin_anew(tmp_path: Path) -> None:
    log = Log(tmp_path / "one.log")
    assert log.last(5) == []
    with log.path.open("a") as file:
        file.write("first\nsec")
        file.flush()
        assert log.new() == ["first"]
        file.write("ond\n")
    assert log.new() == ["second"]
    assert log.new() == []
    log.path.write_text("anew\n")
    assert log.new() == ["anew"]
