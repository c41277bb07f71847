"""Files that are sent over the API: a job with a status, which stores each row once whatever happens to its worker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from threading import Event as Signal
from typing import Any

import pytest
from django.utils import timezone

from eventshop.cli.importing import import_run
from eventshop.eventstore.models import StoredEvent
from eventshop.operations.staff_actors import staff_actor
from eventshop.web.imports import import_jobs
from eventshop.web.models import ImportFile, ImportJob
from tests.support.api_clients import ApiClient, problem_of, shopper, staff
from tests.support.database import dump_database
from tests.support.processes import ROOT
from tests.support.retail_files import csv_line, write_sales_file
from tests.support.trade_files import trade_line, write_trade_file

pytestmark = pytest.mark.usefixtures("clean_database")

ORDERS, BROKEN = ("1", "2", "3"), csv_line("4", quantity="six")
PATH = "imports?kind=online-retail"


@pytest.fixture
def program() -> ApiClient:
    return ApiClient(staff("importer", "import_facts"))


def sales_file(folder: Path, *more: str) -> bytes:
    return write_sales_file(folder, *(csv_line(number) for number in ORDERS), *more).read_bytes()


def send(program: ApiClient, content: bytes, path: str = PATH, key: str = "a", media_type: str = "text/csv") -> Any:
    return program.client.post(
        f"/api/v1/{path}", content, content_type=media_type, headers={"Idempotency-Key": key}
    )  # fmt: skip


def run_jobs() -> None:
    for job in import_jobs.pending_jobs():
        import_jobs.run(job, Signal())


def counts(status: dict[str, Any]) -> list[int]:
    """Rows in all, stored, there already, refused, held back, not tried; and events."""
    names = ("rows", "stored", "already_there", "refused", "held_back", "not_tried", "events")
    return [status[name] for name in names]


def test_a_file_is_imported_once_and_each_row_is_accounted_for(program: ApiClient, tmp_path: Path) -> None:
    content = sales_file(tmp_path, BROKEN)
    sent = send(program, content, f"{PATH}&on_error=skip")
    assert (sent.status_code, sent.json()["state"], sent["Retry-After"]) == (202, "requested", "1"), sent.content
    again = send(program, content, f"{PATH}&on_error=skip")
    assert (again.json()["import_id"], again["Idempotency-Replayed"]) == (sent.json()["import_id"], "true")
    assert problem_of(send(program, content)) == (422, "command-id-reused")
    assert b"LANTERN" not in dump_database().encode(), "a file may hold personal data"
    run_jobs()
    path = sent["Location"].partition("/api/v1/")[2]
    status = program.get(path).json()
    assert (status["state"], counts(status), status["error"]) == ("done", [4, 3, 0, 1, 0, 0, 6], "")
    [error] = status["errors"]
    assert error["line"] == 5 and "six" in error["detail"]
    metadata = StoredEvent.objects.values_list("metadata", flat=True)
    assert all(staff_actor(program.login) in str(one) for one in metadata)
    assert not ImportFile.objects.exists()
    send(program, content, f"{PATH}&on_error=skip", key="b")
    run_jobs()
    latest, _ = program.get("imports").json()["results"]
    assert counts(latest) == [4, 0, 3, 1, 0, 0, 0]


def test_the_first_broken_row_ends_an_import_and_a_dry_run_stores_nothing(program: ApiClient, tmp_path: Path) -> None:
    send(program, sales_file(tmp_path, BROKEN), key="stop")
    send(program, sales_file(tmp_path), f"{PATH}&dry_run=true", key="dry")
    send(program, b"Name;Price\nLantern;3\n", key="other")
    run_jobs()
    other, dry, stopped = program.get("imports").json()["results"]
    assert (stopped["state"], counts(stopped)) == ("failed", [4, 0, 0, 1, 0, 3, 0])
    assert (dry["state"], counts(dry)) == ("done", [3, 3, 0, 0, 0, 0, 0])
    assert other["state"] == "failed" and other["error"].startswith("line 1: the header must name InvoiceNo")
    assert not StoredEvent.objects.exists()


def test_public_trades_are_imported_with_their_own_rights(tmp_path: Path) -> None:
    desk = ApiClient(staff("desk", "open_account", "submit_trade", "fill_trade"))
    content = write_trade_file(tmp_path, trade_line("1"), trade_line("2")).read_bytes()
    assert problem_of(send(desk, content, "imports?kind=online-retail")) == (403, "not-allowed")
    sent = send(desk, content, "imports?kind=market-trades")
    run_jobs()
    assert desk.get(f"imports/{sent.json()['import_id']}").json()["stored"] == 2
    narrow = ApiClient(desk.login, scopes=["imports:write"])
    assert problem_of(send(narrow, content, "imports?kind=market-trades")) == (403, "out-of-scope")
    other = ApiClient(staff("clerk", "import_facts"))
    assert problem_of(other.get(f"imports/{sent.json()['import_id']}")) == (404, "not-found")
    for stranger in (shopper(), ApiClient(staff("guest", "submit_trade", "fill_trade"))):
        assert problem_of(stranger.get("imports")) == problem_of(send(stranger, content)) == (403, "not-allowed")


def test_what_cannot_be_an_import_is_refused_and_nothing_is_left(
    program: ApiClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = sales_file(tmp_path)
    for query in ("", "?kind=recipes", "?kind=online-retail&on_error=hope", "?kind=online-retail&dry_run=1",
                  "?kind=online-retail&encoding=morse", "?kind=online-retail&columns=Price", "?kind=online-retail&x=1",
                  "?kind=online-retail&decimal=;"):  # fmt: skip
        assert problem_of(send(program, content, f"imports{query}")) == (400, "invalid-parameter"), query
    assert problem_of(send(program, b" \n")) == (400, "malformed-body")
    assert problem_of(send(program, b"x" * (import_jobs.MAX_FILE_BYTES + 1))) == (413, "body-too-large")
    wrong = send(program, content, media_type="application/json")
    assert problem_of(wrong) == (415, "wrong-media-type") and "text/csv" in wrong.json()["detail"]
    assert problem_of(program.client.post(f"/api/v1/{PATH}", content, content_type="text/csv"))[1] == (
        "idempotency-key-missing"
    )
    assert not ImportJob.objects.exists()
    monkeypatch.setattr(import_jobs, "MAX_OPEN", 1)
    assert send(program, content).status_code == 202
    assert problem_of(send(program, content, key="b")) == (409, "too-many-imports")


class StopBeforeBatch(Signal):
    """A worker's signal to stop that comes while the batch with this number is sent."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._left = number

    def is_set(self) -> bool:
        self._left -= 1
        return self._left <= 0


def test_an_import_that_was_interrupted_goes_on_or_is_cancelled(
    program: ApiClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_run, "MAX_BATCH_UNITS", 1)
    path = f"imports/{send(program, sales_file(tmp_path)).json()['import_id']}"
    for batch, stored in ((2, 1), (2, 1), (3, 2)):
        [job] = import_jobs.pending_jobs()
        import_jobs.run(job, StopBeforeBatch(batch))
        status = program.get(path).json()
        assert (status["state"], counts(status)[:3]) == ("running", [3, stored, 0])
        assert StoredEvent.objects.filter(version=1).count() == stored
    assert program.send("post", f"{path}/cancellation", {}).json()["state"] == "cancelled"
    run_jobs()
    assert counts(program.get(path).json()) == [3, 2, 0, 0, 0, 1, 4]


def test_an_import_whose_worker_is_killed_counts_each_row_once(
    program: ApiClient, tmp_path: Path, database_url: str
) -> None:
    path = f"imports/{send(program, sales_file(tmp_path)).json()['import_id']}"
    code = (
        "import django; django.setup()\n"
        "from threading import Event\n"
        "from eventshop.cli.importing import import_run\n"
        "from eventshop.web.imports import import_jobs\n"
        "import_run.MAX_BATCH_UNITS = 1\n"
        "[import_jobs.run(job, Event()) for job in import_jobs.pending_jobs()]"
    )
    environment = os.environ | {"DATABASE_URL": database_url, "CRASH_AT": "import.before-commit:2"}
    killed = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert counts(program.get(path).json()) == [3, 1, 0, 0, 0, 2, 2]
    assert import_jobs.pending_jobs() == [], "its lease holds"
    ImportJob.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    run_jobs()
    assert counts(program.get(path).json()) == [3, 3, 0, 0, 0, 0, 6]
    assert StoredEvent.objects.count() == 6


def test_who_cancels_twice_is_told(program: ApiClient, tmp_path: Path) -> None:
    path = send(program, sales_file(tmp_path)).json()["import_id"]
    cancelled = program.send("post", f"imports/{path}/cancellation", {})
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled"), cancelled.content
    assert problem_of(program.send("post", f"imports/{path}/cancellation", {})) == (409, "import-ended")
    run_jobs()
    assert not StoredEvent.objects.exists() and not ImportFile.objects.exists()
