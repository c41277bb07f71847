"""What every test stands on: a database, settings of its own, and which tests a run holds.

`pytest PATH` starts what the tests below the path need. `--database` chooses the engine; without it tests of Kafka get
PostgreSQL and all others SQLite. Tests marked `long` run with `--long` only; each has a shorter sibling that always
runs. Django is set up in `pytest_configure`, when the options are known; its settings are named here and not in
pyproject.toml, because pytest-django would read them before.
"""

from __future__ import annotations

import os
import random
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import hypothesis
import pytest

from tests.support.fork_server import fork_programs
from tests.support.waiting import DEADLINE_S

BASE_DIR: Final = Path(__file__).resolve().parent.parent
SHARED_DATA: Final = BASE_DIR.parent / "shared" / "data"
#: Fixtures, imported once Django is set up.
PLUGINS: Final = ("tests.support.database", "tests.support.kafka.fixtures")
#: Packages about pages, forms, rights and wording. PostgreSQL runs what is marked `both`, and the rest with --long.
ABOUT_PAGES: Final = {"admin", "admin_console", "pages", "shared"}
#: Folders with long files.
LONG: Final = ("kafka", "chaos", "browser", "contract")
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
#: A file system in memory: commits of SQLite then wait for no disk.
MEMORY: Final = Path("/dev/shm")
#: Bytes that a run of the tests writes there at the most.
ROOM: Final = 2 * 1024**3

#: The environment variable with the path of the database that one worker migrates and the others copy.
MIGRATED: Final = "EVENTSHOP_TESTS_MIGRATED"

_at_the_end: Final = ExitStack()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("EventShop")
    group.addoption(
        "--database",
        choices=("sqlite", "postgres"),
        help="the engine; DATABASE_URL from outside names a server instead of starting one",
    )
    group.addoption("--long", action="store_true", help="run the tests too that are marked `long`")
    group.addoption(
        "--shuffle-files", type=int, metavar="SEED", help="run the files in a random order instead of long ones first"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Set up Django on the chosen database. A developer's .env must not decide what the tests run on."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup, programs that tests stop by a hang-up would ignore it
    scratch = _at_the_end.enter_context(
        tempfile.TemporaryDirectory(prefix="eventshop-tests-", dir=_fast_folder(), ignore_cleanup_errors=True)
    )
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "eventshop.settings",
        "ENV_FILE": "",
        "SECRET_KEY": "only-for-tests-never-for-a-server-0123456789",
        "ROOT_SIGNING_KEY": "b25seS1mb3ItdGVzdHMtbmV2ZXItYS1zZXJ2ZXItMzI=",
        "STATIC_ROOT": f"{scratch}/static",
        "CELERY_BROKER_URL": "memory://",
        "DEBUG": "off",
        "HTTPS": "off",
        "STAFF_SECOND_FACTOR": "off",  # its own tests switch it on
        "SHIPPING_DELAY_S": "0",  # tests of the delay set their own
    }
    # No transaction is ended because the machine is slow; tests of these limits set their own.
    for name in ("STATEMENT", "LOCK", "IDLE_TRANSACTION"):
        os.environ[f"DATABASE_{name}_TIMEOUT_S"] = f"{DEADLINE_S:.0f}"
    # A broker that lives for minutes spends half of its processor time on optimized code; it starts twice as fast so.
    os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
    # Hundreds of processes are started; with it, each of them would compile the program anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    _at_the_end.enter_context(fork_programs())
    if config.getoption("--long"):
        os.environ.setdefault("CHAOS_SEED", str(secrets.randbelow(1_000_000)))
    if "DATABASE_URL" not in os.environ:  # workers of pytest-xdist get it from the process that started them
        if config.getoption("numprocesses", None):
            os.environ[MIGRATED] = f"{scratch}/migrated"
        os.environ["DATABASE_URL"] = (
            _postgres_url(durable=config.getoption("--long"))
            if _engine(config) == "postgres"
            else f"sqlite:///{scratch}/eventshop.sqlite3?timeout={DEADLINE_S:.0f}"
        )
    import django.conf

    django.setup()
    # Static files are looked up when asked for: each test client would otherwise list them all before its first answer.
    django.conf.settings.WHITENOISE_AUTOREFRESH = True
    # The same examples on every machine; `make chaos` looks for others.
    hypothesis.settings.register_profile(
        "any machine",
        deadline=None,
        derandomize=not config.getoption("--long"),
        database=None,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
    hypothesis.settings.load_profile("any machine")
    for name in PLUGINS:
        config.pluginmanager.import_plugin(name)


def pytest_unconfigure(config: pytest.Config) -> None:
    _at_the_end.close()


def _fast_folder() -> str | None:
    """A folder in memory with enough room; None for the usual place of temporary files."""
    return str(MEMORY) if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM else None


def _engine(config: pytest.Config) -> str:
    """The engine that was asked for; for a run of Kafka tests alone PostgreSQL, otherwise SQLite."""
    chosen: str | None = config.getoption("--database")
    paths = [Path(argument.partition("::")[0]).parts for argument in config.args]
    return chosen or ("postgres" if paths and all("kafka" in path for path in paths) else "sqlite")


def _postgres_url(*, durable: bool) -> str:
    """Start a PostgreSQL for this run, deleted at the end. Without one the run ends, in CI with a failure."""
    from deploy.postgres import PostgresUnavailable, running_postgres

    try:
        return _at_the_end.enter_context(running_postgres(fsync=durable))
    except PostgresUnavailable as error:
        if os.environ.get("CI"):
            pytest.exit(f"PostgreSQL cannot be started: {error}", returncode=1)
        pytest.exit(f"SKIPPED, NOT TESTED on PostgreSQL: {error}", returncode=0)


def missing(reason: str) -> None:
    """Skip the test, saying why; in CI, where everything has to be there, fail it."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(f"NOT TESTED: {reason}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only `--long` runs, and order the files.

    Folders with long files come first: begun last, one of them would keep a single worker busy while the others rest.
    """
    for item in items:
        if ABOUT_PAGES.intersection(item.path.parts) and not item.get_closest_marker("both"):
            item.add_marker(pytest.mark.long(on="postgres"))
    if not config.getoption("--long"):
        long = [item for item in items if _is_long(item)]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if not _is_long(item)]
    seed: int | None = config.getoption("--shuffle-files")
    if seed is None:
        items.sort(
            key=lambda item: next((rank for rank, name in enumerate(LONG) if name in item.path.parts), len(LONG))
        )
        return
    files = sorted({item.path for item in items})
    random.Random(seed).shuffle(files)
    items.sort(key=lambda item: files.index(item.path))


def _is_long(item: pytest.Item) -> bool:
    """Whether the test is marked `long`, or `long(on=ENGINE)` with the engine of this run."""
    engine = _running_engine()
    return any(mark.kwargs.get("on", engine) == engine for mark in item.iter_markers("long"))


def _running_engine() -> str:
    return "postgres" if os.environ["DATABASE_URL"].startswith("postgres") else "sqlite"


def pytest_report_header(config: pytest.Config) -> list[str]:
    names = [name for name in ("CHAOS_SEED", "CHAOS_TIMES") if name in os.environ]
    return [" ".join(f"{name}={os.environ[name]}" for name in names)] if names else []


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Hold back tests whose surroundings are not there."""
    if item.get_closest_marker("postgres") and _running_engine() != "postgres":
        pytest.skip("needs PostgreSQL: pytest --database postgres")
    if item.get_closest_marker("data") and not SHARED_DATA.is_dir():
        missing(f"the real data sets are not in {SHARED_DATA}")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say how each failed test is run alone."""
    failed = {report.nodeid for key in ("failed", "error") for report in terminalreporter.stats.get(key, [])}
    if not failed:
        return
    chaos = "".join(f"{name}={os.environ[name]} " for name in ("CHAOS_SEED", "CHAOS_TIMES") if name in os.environ)
    options = f"--database {_running_engine()}" + (" --long" if config.getoption("--long") else "")
    terminalreporter.section("to run a failed test alone")
    for nodeid in sorted(failed):
        terminalreporter.write_line(f"{chaos}.venv/bin/python -m pytest {options} '{nodeid}'")


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    """Hashing a password is slow by design; tests that sign somebody up are about something else."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of the real data sets; mark the test with `data`."""
    return SHARED_DATA


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium, from CHROMIUM_PATH or the PATH."""
    found = os.environ.get("CHROMIUM_PATH") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found or not Path(found).exists():
        missing("no Chromium: set CHROMIUM_PATH or install one of " + ", ".join(BROWSERS))
        raise AssertionError
    return found


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_modify_db_settings: None, django_db_blocker: Any
) -> Iterator[None]:
    """The test database, migrated, one for each worker of pytest-xdist.

    pytest-django's own makes one only for tests that it wraps in a transaction.
    """
    from django.db import connections
    from django.test.utils import teardown_databases

    from eventshop.operations.access_log.writer import writer as access_log
    from eventshop.runtime import wake_signals
    from tests.support.migrated_database import create_test_database

    with django_db_blocker.unblock():
        made = create_test_database(os.environ.get(MIGRATED))
        yield
        assert access_log.flush(DEADLINE_S)
        connections.close_all()
        wake_signals.stop_listening()
        teardown_databases(made, verbosity=0)
