"""Programs of a process group stop with it, however it ends; a closed output causes no traceback."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from deploy.local import ROOT
from deploy.stack.processes import process_identity
from tests.support.waiting import DEADLINE_S, wait_for_exit, wait_until

#: Two programs that print for ever, or the ones that the test gives.
LAUNCHER = """
import sys
from pathlib import Path
from deploy.process_group import ProcessGroup
program = "import itertools, os, time; [(print(os.getpid(), n), time.sleep(0.05)) for n in itertools.count()]"
talk = f"{sys.executable} -uc '{program}'"
first, second = sys.argv[1:]
sys.exit(ProcessGroup({"first": first or talk, "second": second or talk}, env={}, cwd=Path(".")).run())
"""


@contextmanager
def launch(first: str = "", second: str = "", *, before: str = "") -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", before + LAUNCHER, first, second]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as launcher:
        yield launcher


def read_pids(launcher: subprocess.Popen[str], names: set[str]) -> set[int]:
    """Read until all programs have printed something; return their process ids."""
    assert launcher.stdout
    pids: dict[str, int] = {}
    while set(pids) != names:
        _, name, _, *words = launcher.stdout.readline().replace("|", " | ").split()
        if name in names and words[0].isdecimal():
            pids[name] = int(words[0])
    return set(pids.values())


def wait_until_ended(pids: set[int]) -> None:
    wait_until(lambda: all(process_identity(pid) is None for pid in pids), seen=f"waiting for the end of {pids}")


def test_a_closed_output_ends_all_without_a_traceback() -> None:
    with launch() as launcher:
        pids = read_pids(launcher, {"first", "second"})
        assert launcher.stdout and launcher.stderr
        launcher.stdout.close()
        assert wait_for_exit(launcher) == 0
        assert launcher.stderr.read() == ""
    wait_until_ended(pids)


def test_a_closed_output_is_noticed_although_nothing_is_said() -> None:
    with launch("sleep 3600", "sleep 3600") as launcher:
        assert launcher.stdout and launcher.stderr
        pids = {int(launcher.stdout.readline().rstrip(")\n").split()[-1]) for _ in range(2)}
        launcher.stdout.close()
        assert wait_for_exit(launcher) == 0
        assert launcher.stderr.read() == ""
    wait_until_ended(pids)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all(sign: signal.Signals) -> None:
    with launch() as launcher:
        pids = read_pids(launcher, {"first", "second"})
        launcher.send_signal(sign)
        output, errors = launcher.communicate(timeout=DEADLINE_S)
        for name in ("first", "second"):
            assert re.search(rf"^.*\bsystem\b.*\b{name} \(pid \d+\)", output, re.MULTILINE)
        assert (launcher.returncode, errors) == (0, "")
    wait_until_ended(pids)


def test_one_that_ends_takes_the_others_along_and_gives_its_status() -> None:
    with launch(second="sh -c 'sleep 2; echo last words; exit 3'") as launcher:
        pids = read_pids(launcher, {"first"})
        output, errors = launcher.communicate(timeout=DEADLINE_S)
        assert "| last words" in output
        assert re.search(r"^.*\bsystem\b.*\bsecond .*\b3\b", output, re.MULTILINE)
        assert (launcher.returncode, errors) == (3, "")
    wait_until_ended(pids)


def test_one_that_does_not_listen_is_killed_with_what_it_started() -> None:
    ignores_sigterm = "trap '' TERM; (echo $BASHPID; while :; do sleep 1; done)"
    with launch(
        second=f'bash -c "{ignores_sigterm}"'.replace("$", r"\$"),
        before="import deploy.process_group; deploy.process_group.STOP_TIMEOUT_S = 1\n",
    ) as launcher:
        pids = read_pids(launcher, {"first", "second"})
        launcher.terminate()
        launcher.communicate(timeout=DEADLINE_S)
    wait_until_ended(pids)


def test_an_error_of_its_own_ends_all() -> None:
    before = "import signal\nsignal.signal(signal.SIGALRM, lambda *_: 1 / 0)\n"
    with launch(before=before) as launcher:
        pids = read_pids(launcher, {"first", "second"})
        launcher.send_signal(signal.SIGALRM)
        _, errors = launcher.communicate(timeout=DEADLINE_S)
        assert "ZeroDivisionError" in errors
    wait_until_ended(pids)


def test_who_starts_it_with_nohup_may_leave() -> None:
    with launch(before="import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n") as launcher:
        pids = read_pids(launcher, {"first", "second"})
        launcher.send_signal(signal.SIGHUP)
        assert read_pids(launcher, {"first", "second"}) == pids
        launcher.terminate()
        launcher.communicate(timeout=DEADLINE_S)
    wait_until_ended(pids)
