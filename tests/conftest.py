"""What every test stands on: settings of its own, and what of the outside it may need.

Django's settings are named here, not in pyproject.toml: pytest-django would read them before this file runs.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import pytest
from django.db import connections
from django.test.utils import setup_databases, teardown_databases

pytest_plugins = ["tests.support.database", "tests.support.kafka.fixtures"]

BASE_DIR = Path(__file__).resolve().parent.parent
SHARED_DATA = BASE_DIR.parent / "shared" / "data"
LONG = ("kafka", "chaos", "browser", "contract")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

_scratch = tempfile.TemporaryDirectory(prefix="eventshop-tests-", ignore_cleanup_errors=True)
# A developer's .env must not decide what the tests run on; DATABASE_URL from outside does choose the engine.
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "eventshop.settings",
    "ENV_FILE": "",
    "SECRET_KEY": "only-for-tests-never-for-a-server-0123456789",
    "STATIC_ROOT": f"{_scratch.name}/static",
    "CELERY_BROKER_URL": "memory://",
    "DEBUG": "off",
    "HTTPS": "off",
}
# Hundreds of processes are started; with it, each of them would compile the program anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ.setdefault("DATABASE_URL", f"sqlite:///{_scratch.name}/eventshop.sqlite3")
# Test modules import models; pytest-django itself was too early to know the settings.
django.setup()


def missing(reason: str) -> None:
    """Skip the test, saying why; in CI, where everything has to be there, fail it."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(f"NOT TESTED: {reason}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Folders with long files first: begun last, one of them would keep a single worker busy while all others rest."""
    items.sort(key=lambda item: next((rank for rank, name in enumerate(LONG) if name in item.path.parts), len(LONG)))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Hold back tests whose surroundings are not there."""
    if item.get_closest_marker("postgres") and not os.environ["DATABASE_URL"].startswith("postgres"):
        pytest.skip("needs PostgreSQL: python -m deploy.postgres run -- python -m pytest tests/integration")
    if item.get_closest_marker("data") and not SHARED_DATA.is_dir():
        missing(f"the real data sets are not in {SHARED_DATA}")


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
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False)
        yield
        connections.close_all()
        teardown_databases(made, verbosity=0)
