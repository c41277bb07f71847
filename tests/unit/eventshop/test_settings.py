"""A setting that is missing or wrong stops the start and is named; what is left out has a safe default."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventshop import env_validators
from tests.conftest import BASE_DIR

KEY = "k" * 50


#: Imports once what the settings import; for each request, a fork of it loads the settings.
LOADER = """
import json, os, sys, traceback
import environ
from eventshop import database_settings, env_validators, log_settings, unfold

for request in sys.stdin:
    probe, environment, *outputs = json.loads(request)
    if child := os.fork():
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        continue
    for number, path in enumerate(outputs, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.environ.clear()
    os.environ.update(environment)
    try:
        from eventshop import settings
        exec(f"print({probe})")
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
"""
_loaders: list[tuple[subprocess.Popen[str], Path]] = []


@pytest.fixture(scope="module", autouse=True)
def loader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, "-c", LOADER],
        cwd=BASE_DIR,
        env={"PATH": os.environ["PATH"]},
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        _loaders.append((process, tmp_path_factory.mktemp("settings")))
        yield
        _loaders.clear()


def start(probe: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Load the settings in a process of its own that has only these in its environment, and print `probe`."""
    [(process, folder)] = _loaders
    env = {"PATH": os.environ["PATH"], "ENV_FILE": "", "SECRET_KEY": KEY} | environment
    outputs = [folder / "stdout", folder / "stderr"]
    assert process.stdin and process.stdout
    print(json.dumps([probe, env, *map(str, outputs)]), file=process.stdin, flush=True)
    status = int(process.stdout.readline())
    return subprocess.CompletedProcess([], status, *(output.read_text() for output in outputs))


def value(probe: str, **environment: str) -> str:
    """Return what `probe` prints in a process that must start."""
    result = start(probe, **environment)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("SECRET_KEY", ""),
        ("SECRET_KEY", "short"),
        ("KEY_ENCRYPTION_KEY", "not base64!"),
        ("KEY_ENCRYPTION_KEY", "c2hvcnQ="),
        ("FORMER_KEY_ENCRYPTION_KEYS", "c2hvcnQ="),
        ("ROOT_SIGNING_KEY", "c2hvcnQ="),
        ("FORMER_ROOT_KEYS", "abc"),
        ("SNAPSHOT_EVERY", "often"),
        ("PROJECTION_OBJECTIVES", "daily-sales"),
        ("METRICS_PORT", "9109-9101"),
        ("HEALTH_LAG_S", "0"),
        ("KEYS_DATABASE_URL", "mysql://localhost/keys"),
        ("KEY_CACHE_SECONDS", "soon"),
        ("ERASURE_COOLING_OFF_DAYS", "-1"),
        ("DEBUG", "maybe"),
        ("HTTPS", "sometimes"),
        ("ALLOWED_HOSTS", "http://shop.example"),
        ("ALLOWED_HOSTS", " , "),
        ("TIME_ZONE", "Mars/Olympus"),
        ("TIME_ZONE", "../etc"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
        ("DATABASE_POOL_SIZE", "5"),
        ("DATABASE_POOL_SIZE", "many"),
        ("DATABASE_POOLER", "pgbouncer"),
        ("DATABASE_LISTEN_URL", "sqlite:///shop.db"),
        ("DATABASE_STATEMENT_TIMEOUT_S", "-1"),
        ("DATABASE_LOCK_TIMEOUT_S", "1m"),
        ("DATABASE_IDLE_TRANSACTION_TIMEOUT_S", ""),
        ("DATABASE_URL", "mysql://localhost/shop"),
        ("DATABASE_URL", "shop.db"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "postgres://localhost/"),
        ("DATABASE_URL", "postgres://localhost:many/shop"),
        ("DATABASE_URL", "sqlite:////proc/no/such/place.sqlite3"),
        ("DATABASE_URL", "sqlite:///var/shop.sqlite3?time=60"),
        ("EVENT_LOG_URL", "rabbit://localhost"),
        ("EVENT_LOG_URL", "kafka://localhost"),
        ("EVENT_LOG_URL", "kafka://one:9092,two"),
        ("EVENT_LOG_URL", "kafka://one:99999"),
        ("KAFKA_MIN_TIMEOUT_S", "501"),
        ("CELERY_BROKER_URL", "carrier-pigeon://"),
        ("CELERY_BROKER_URL", "amqp://localhost:many/"),
        ("CACHE_URL", "papercache://"),
        ("STATIC_ROOT", "/proc/no/such/place"),
        ("PAYMENT_GATEWAY_URL", "ftp://pay.example"),
        ("PAYMENT_GATEWAY_URL", "http://pay.example"),
        ("PAYMENT_GATEWAY_URL", "https://"),
        ("PAYMENT_GATEWAY_URL", "https://pay.example/?key=1"),
        ("PAYMENT_GATEWAY_SECRET", "hunter2"),
        ("PAYMENT_GATEWAY_SECRET", "whsec_c2hvcnQ="),
    ],
)
def test_a_wrong_setting_stops_the_start_by_name(name: str, wrong: str) -> None:
    result = start(**{name: wrong})
    assert result.returncode == 1
    last_line = result.stderr.strip().splitlines()[-1]
    assert last_line.startswith(f"django.core.exceptions.ImproperlyConfigured: {name}: ")


def test_a_refused_url_does_not_show_its_password() -> None:
    result = start(DATABASE_URL="mysql://shop:hunter2@localhost/shop")
    assert "hunter2" not in result.stderr


def test_a_gateway_needs_its_secret() -> None:
    result = start(PAYMENT_GATEWAY_URL="https://pay.example")
    assert "ImproperlyConfigured: PAYMENT_GATEWAY_SECRET: " in result.stderr


def test_a_gateway_of_this_machine_may_be_reached_over_http() -> None:
    secret = "whsec_b25seS1mb3ItdGVzdHMtMDEyMzQ1Njc4OQ=="
    url = value(
        "settings.PAYMENT_GATEWAY_URL", PAYMENT_GATEWAY_URL="http://127.0.0.1:8100/", PAYMENT_GATEWAY_SECRET=secret
    )
    assert url == "http://127.0.0.1:8100"


def test_debug_is_off_and_cookies_are_plain_unless_asked_for() -> None:
    assert value("settings.DEBUG, settings.HTTPS, settings.SESSION_COOKIE_SECURE") == "False False False"
    assert value("settings.DEBUG", DEBUG="on") == "True"


def test_staff_must_have_a_second_factor_unless_debug_and_customers_may() -> None:
    probe = "settings.STAFF_SECOND_FACTOR, settings.CUSTOMER_SECOND_FACTOR"
    assert [value(probe), value(probe, DEBUG="on")] == ["True False", "False False"]
    assert value(probe, DEBUG="on", STAFF_SECOND_FACTOR="on", CUSTOMER_SECOND_FACTOR="on") == "True True"


def test_https_switches_everything_that_belongs_to_it() -> None:
    probe = (
        "settings.SECURE_SSL_REDIRECT, settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE,"
        " settings.SECURE_HSTS_SECONDS, settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME"
    )
    assert value(probe, HTTPS="on") == "True True True 31536000 __Host-sessionid __Host-csrftoken"


def test_without_settings_everything_is_embedded() -> None:
    probe = "settings.DATABASES['default']['ENGINE'], settings.EVENT_LOG_URL, settings.CELERY_BROKER_URL"
    assert value(probe) == "django.db.backends.sqlite3 database: filesystem://"


def test_postgresql_keeps_its_connections_and_checks_them() -> None:
    keys = ("CONN_MAX_AGE", "CONN_HEALTH_CHECKS", "HOST", "NAME")
    probe = f"*(settings.DATABASES['default'][key] for key in {keys})"
    assert value(probe, DATABASE_URL="postgres://me@/shop?host=/tmp/sockets") == "60 True /tmp/sockets shop"


def test_sqlite_waits_for_a_lock_as_long_as_its_url_says() -> None:
    probe = "settings.DATABASES['default']['OPTIONS']['timeout']"
    assert value(probe) == "20"
    assert value(probe, DATABASE_URL="sqlite:///var/eventshop.sqlite3?timeout=60") == "60"


def test_settings_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("TIME_ZONE=Europe/Paris\nLOG_LEVEL=warning\n")
    assert value("settings.TIME_ZONE, settings.LOG_LEVEL", ENV_FILE=str(file)) == "Europe/Paris WARNING"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("TIME_ZONE=Europe/Paris\n")
    assert value("settings.TIME_ZONE", ENV_FILE=str(file), TIME_ZONE="Asia/Tokyo") == "Asia/Tokyo"


def test_every_setting_is_in_the_table() -> None:
    source = (BASE_DIR / "eventshop" / "settings.py").read_text()
    names = set(re.findall(r'(?:env\.\w+|_switch|_database)\("([A-Z_]+)"', source))
    table = (BASE_DIR / "docs" / "settings.md").read_text()
    assert {name for name in names if f"`{name}`" not in table} == set()


def test_a_secret_can_stand_in_a_file_that_no_child_inherits(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{'f' * 50}\n")
    given = {"SECRET_KEY": "", "SECRET_KEY_FILE": str(file)}
    assert value("settings.SECRET_KEY, os.environ['SECRET_KEY']", **given) == f"{'f' * 50}"
    for name, wrong in (
        ("SECRET_KEY_FILE", {"SECRET_KEY_FILE": str(file)}),
        ("EMAIL_URL_FILE", {"EMAIL_URL_FILE": "/none"}),
    ):
        refused = start(**wrong)
        assert refused.returncode and f"ImproperlyConfigured: {name}: " in refused.stderr
        assert KEY not in refused.stderr and "f" * 50 not in refused.stderr


def test_every_secret_that_can_stand_in_a_file_is_a_setting_that_the_page_names() -> None:
    page = (BASE_DIR / "docs" / "settings.md").read_text()
    settings = (BASE_DIR / "eventshop" / "settings.py").read_text()
    for name in env_validators.SECRETS:
        assert f'"{name}"' in settings and page.count(f"`{name}`") > 1, name
