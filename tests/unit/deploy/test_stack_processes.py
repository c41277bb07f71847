"""Processes are identified by more than their id, and stopped however they behave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.stack.errors import StackError
from deploy.stack.folder import DataFolder
from deploy.stack.processes import MAX_LOG_BYTES, Process, is_paused, process_identity, stop_processes, wait_until_ready
from tests.support.waiting import wait_until

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(3600)"]
IGNORES_SIGTERM = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(3600)",
]


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path)


def start_process(folder: DataFolder, command: list[str], name: str = "one") -> Process:
    process = Process(name, folder, stop_timeout_s=0.3 if command is not SLEEP else 5)
    process.start(command)
    wait_until(lambda: "up" in process.log.read_text(), seen=process.log)
    return process


def test_a_process_is_found_by_another_launcher_and_stopped(folder: DataFolder) -> None:
    process = start_process(folder, SLEEP)
    found = Process("one", folder)
    assert found.pid == process.pid
    assert os.getpgid(found.pid or 0) == found.pid != os.getpgrp()
    assert stop_processes([found]) == ["one"]
    assert [found.pid, process.pid, found.pid_record] == [None] * 3


def test_what_runs_is_not_started_twice(folder: DataFolder) -> None:
    process = start_process(folder, SLEEP)
    before = process.pid
    Process("one", folder).start(SLEEP)
    assert process.pid == before
    stop_processes([process])


def test_a_pid_file_whose_process_is_gone_is_recognised(folder: DataFolder) -> None:
    process = start_process(folder, SLEEP)
    process.send_signal(signal.SIGKILL)
    wait_until(lambda: Process("one", folder).pid is None)
    assert process.pid_record is not None
    process.start(SLEEP)
    assert process.pid is not None
    stop_processes([process])


def test_another_program_with_the_same_number_is_left_alone(folder: DataFolder) -> None:
    stranger = subprocess.Popen(SLEEP, stdout=subprocess.DEVNULL)
    process = Process("one", folder)
    process.pid_file.parent.mkdir()
    process.pid_file.write_text(f"{stranger.pid} {process_identity(os.getpid())}\n")
    assert process.pid is None
    assert stop_processes([process]) == []
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_pid_file_of_nonsense_is_no_process(folder: DataFolder) -> None:
    process = Process("one", folder)
    process.pid_file.parent.mkdir()
    process.pid_file.write_text("")
    assert process.pid is None


def test_one_that_does_not_listen_is_killed(folder: DataFolder) -> None:
    process = start_process(folder, IGNORES_SIGTERM)
    assert stop_processes([process]) == ["one"]
    assert process.pid is None


def test_one_that_is_paused_is_stopped(folder: DataFolder) -> None:
    process = start_process(folder, SLEEP)
    process.send_signal(signal.SIGSTOP)
    wait_until(lambda: is_paused(process.pid or 0))
    assert stop_processes([process]) == ["one"]


def test_one_that_is_killed_takes_along_what_it_had_started(folder: DataFolder) -> None:
    child = f"import subprocess; print(subprocess.Popen({SLEEP!r}).pid, flush=True)"
    parent = start_process(folder, [*IGNORES_SIGTERM[:2], f"{child}; {IGNORES_SIGTERM[2]}"])
    pid = int(next(line for line in parent.log.read_text().splitlines() if line.isdecimal()))
    assert process_identity(pid)
    stop_processes([parent])
    wait_until(lambda: process_identity(pid) is None)


def test_a_start_that_fails_says_why(folder: DataFolder) -> None:
    process = Process("one", folder)
    process.start([sys.executable, "-c", "raise SystemExit('no such thing')"])
    with pytest.raises(StackError, match=r"one .*no such thing"):
        wait_until_ready([process], lambda: False)


def test_a_start_that_takes_too_long_says_so(folder: DataFolder) -> None:
    process = start_process(folder, SLEEP)
    with pytest.raises(StackError, match=r"one .*\b0 s\b.*up"):
        wait_until_ready([process], lambda: False, stalled_s=0.1)
    stop_processes([process])


def test_a_start_is_awaited_as_long_as_it_writes_to_its_log(
    folder: DataFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.stack.processes.LOOK_INTERVAL_S", 0.0)
    monkeypatch.setattr("deploy.stack.processes.REPORT_INTERVAL_S", 0.0)
    process = start_process(folder, SLEEP)
    lines = iter(range(50))

    def is_ready() -> bool:
        number = next(lines, None)
        with process.log.open("a") as log:
            log.write(f"step {number}\n")
        return number is None

    wait_until_ready([process], is_ready, stalled_s=600)
    assert "one: not ready after 0 s: step 0" in capsys.readouterr().err
    stop_processes([process])


def test_a_start_that_was_abandoned_is_not_awaited(folder: DataFolder) -> None:
    process = start_process(folder, SLEEP)
    process.abandoned.set()
    with pytest.raises(StackError, match="not awaited"):
        wait_until_ready([process], lambda: False)
    stop_processes([process])


def test_a_long_log_is_put_aside(folder: DataFolder) -> None:
    process = Process("one", folder)
    process.log.parent.mkdir()
    process.log.write_bytes(b"x" * (MAX_LOG_BYTES + 1))
    process = start_process(folder, SLEEP)
    stop_processes([process])
    assert process.log.read_text() == "up\n"
    assert process.log.with_suffix(".log.1").stat().st_size == MAX_LOG_BYTES + 1
