"""Real Celery workers that host EventShop's threads, with their messages in a folder of the test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from celery import Celery as CeleryApp
from kombu import Connection

from tests.conftest import BASE_DIR
from tests.support.waiting import wait_for_exit, wait_until


class Hosted:
    """One worker process and its log."""

    def __init__(self, process: subprocess.Popen[bytes], log_file: Path) -> None:
        self.process = process
        self.log_file = log_file

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Wait for a condition that the worker brings about; fails when the worker ends before."""
        wait_until(lambda: condition() or self.process.poll() is not None, seen=self.log_file)
        assert self.process.poll() is None, self.log

    def wait_for(self, words: str) -> None:
        self.wait_until(lambda: words in self.log)

    def stop(self) -> None:
        """Ask it to end, as an orchestrator does."""
        self.process.send_signal(signal.SIGTERM)
        assert wait_for_exit(self.process, log=self.log_file) == 0, self.log
        assert "Warm shutdown" in self.log


class Celery:
    """A place for messages, and workers that read them."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.messages = folder / "messages"
        self.folder = folder
        for inside in ("processed", "control"):
            (self.messages / inside).mkdir(parents=True)
        self.environment = os.environ | {
            "DATABASE_URL": database_url,
            "DJANGO_SETTINGS_MODULE": "tests.support.worker_settings",
            "CELERY_BROKER_URL": "filesystem://",
            "MESSAGES_FOLDER": str(self.messages),
            "PAYMENT_DEADLINE_S": "1",  # an order that nobody pays ends while a test waits
        }

    def send(self, task: str, *arguments: object) -> None:
        folders = ("data_folder_in", "data_folder_out", "processed_folder", "control_folder")
        paths = (self.messages, self.messages, self.messages / "processed", self.messages / "control")
        options = dict(zip(folders, map(str, paths), strict=True))
        # Not as its broker: Celery prefers the environment's, and that is another one here.
        with Connection("filesystem://localhost", transport_options=options) as broker:
            CeleryApp(set_as_current=False).send_task(task, args=arguments, ignore_result=True, connection=broker)

    @contextmanager
    def worker(
        self, projections: str = "all", name: str = "one", broker: str = "filesystem://", *more: str
    ) -> Iterator[Hosted]:
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "celery", "--quiet", "-A", "eventshop", "worker"),
                    *("--pool", "threads", "--concurrency", "1", "--projections", projections),
                    *("--hostname", f"{name}@test", "--without-gossip", "--without-mingle", *more),
                ],
                cwd=BASE_DIR,
                env=self.environment | {"CELERY_BROKER_URL": broker},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            yield Hosted(process, log)
        finally:
            process.kill()
            process.wait()
