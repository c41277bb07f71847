"""The database's settings as they follow from what a process is for."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from eventshop.database_settings import (
    DEFAULT_TIMEOUTS,
    ProcessKind,
    Timeouts,
    pool_size,
    postgres_database,
    process_kind,
)

TIMEOUTS = Timeouts(1, 2, 3)


def database(options: dict[str, Any] | None = None, *, pool: int = 0, pooler: bool = False) -> dict[str, Any]:
    config = {"HOST": "db", "NAME": "shop", "OPTIONS": dict(options or {})}
    return postgres_database(config, pool=pool, timeouts=TIMEOUTS, pooler=pooler)


@pytest.mark.parametrize(
    ("command_line", "kind"),
    [
        ("/app/.venv/bin/gunicorn eventshop.wsgi --workers 2", ProcessKind.WEB),
        ("/app/.venv/lib/gunicorn/__main__.py eventshop.wsgi", ProcessKind.WEB),
        ("manage.py runserver", ProcessKind.WEB),
        ("/app/.venv/bin/celery -A eventshop worker --pool threads", ProcessKind.WORKER),
        ("/app/.venv/lib/celery/__main__.py -A eventshop worker", ProcessKind.WORKER),
        ("/app/.venv/bin/celery -A eventshop beat", ProcessKind.COMMAND),
        ("/app/.venv/bin/celery -A eventshop inspect ping", ProcessKind.COMMAND),
        ("manage.py migrate", ProcessKind.COMMAND),
        ("-c", ProcessKind.COMMAND),
    ],
)
def test_a_process_is_known_by_its_command_line(command_line: str, kind: ProcessKind) -> None:
    assert process_kind(command_line.split()) is kind


def test_a_pool_that_is_too_small_for_a_worker_is_refused_with_the_number_that_would_do() -> None:
    assert pool_size("SIZE", "0", folding_threads=3) == 0
    assert pool_size("SIZE", "6", folding_threads=3) == 6
    with pytest.raises(ImproperlyConfigured, match=r"SIZE: .*at least 6 .*PROJECTION_THREADS=3"):
        pool_size("SIZE", "5", folding_threads=3)


def test_a_connection_is_opened_with_its_timeouts_and_what_a_url_says_comes_last() -> None:
    options = database({"options": "-c lock_timeout=9s"})["OPTIONS"]["options"]
    assert options == (
        "-c plan_cache_mode=force_generic_plan -c statement_timeout=1s -c lock_timeout=2s"
        " -c idle_in_transaction_session_timeout=3s -c lock_timeout=9s"
    )


def test_a_pool_replaces_persistent_connections() -> None:
    config = database(pool=7)
    assert config["CONN_MAX_AGE"] == 0
    assert config["OPTIONS"]["pool"] == {"min_size": 0, "max_size": 7, "max_idle": 60, "num_workers": 1}
    assert "pool" not in database()["OPTIONS"]


def test_nothing_is_sent_to_a_pooler_that_it_would_refuse() -> None:
    config = database(pooler=True)
    assert "options" not in config["OPTIONS"]
    assert config["DISABLE_SERVER_SIDE_CURSORS"]


def test_every_process_bounds_idle_transactions() -> None:
    assert set(DEFAULT_TIMEOUTS) == set(ProcessKind)
    assert all(timeouts.idle_transaction_s for timeouts in DEFAULT_TIMEOUTS.values())
