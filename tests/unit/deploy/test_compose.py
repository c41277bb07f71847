"""compose.yaml and the Dockerfile run the same programs as the launcher, and contain no secrets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

from deploy.stack import app
from deploy.stack.folder import DataFolder
from deploy.stack.java import KAFKA_VERSION
from deploy.stack.kafka import KafkaCluster
from eventshop import env_validators
from tests.support.processes import ROOT

COMPOSE = (ROOT / "compose.yaml").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()


@pytest.mark.parametrize(
    "command", [app.WEB_COMMAND, "python manage.py relay", app.WORKER_COMMAND, f"{app.CELERY_COMMAND} beat"]
)
def test_a_program_is_started_alike_with_and_without_docker(command: str) -> None:
    assert f"    command: {command}" in COMPOSE


def test_what_is_prepared_is_the_same() -> None:
    for name, *_ in app.PREPARE_COMMANDS:
        assert f"python manage.py {name}" in COMPOSE


def test_the_image_serves_as_compose_does() -> None:
    [arguments] = re.findall(r"^CMD \[(.*)\]", DOCKERFILE, re.MULTILINE)
    command = " ".join(re.findall('"([^"]+)"', arguments))
    assert f"command: {command}\n" in COMPOSE


def test_the_image_holds_every_application_and_nothing_secret() -> None:
    own = {name.split(".")[0] for name in settings.INSTALLED_APPS if (ROOT / name.split(".")[0]).is_dir()}
    ignored = set((ROOT / ".dockerignore").read_text().splitlines())
    assert re.search(r"^COPY \. \.$", DOCKERFILE, re.MULTILINE)
    assert not ignored & (own | {"static", "templates", "schemas", "manage.py", "requirements.txt"})
    assert {".*", "var", "tests"} <= ignored, "neither .env, nor data, nor tests belong in an image"
    assert not any(line.startswith("!") for line in ignored)


def test_kafka_has_the_same_settings_with_and_without_docker(tmp_path: Path) -> None:
    DataFolder(tmp_path).set_value("brokers", 1)
    launched = dict(
        line.split("=", 1) for line in KafkaCluster(DataFolder(tmp_path)).write_properties(1).read_text().splitlines()
    )
    placed = {"controller.quorum.voters", "listeners", "advertised.listeners", "log.dirs"}
    for name, value in launched.items():
        setting = f"KAFKA_{name.upper().replace('.', '_')}: "
        assert setting in COMPOSE
        if name not in placed:
            assert re.search(rf'{setting}"?{re.escape(value)}"?\n', COMPOSE), name
    assert f"image: apache/kafka:{KAFKA_VERSION}\n" in COMPOSE


def test_no_secret_is_written_down() -> None:
    for name in ("SECRET_KEY", "STAFF_PASSWORD", "POSTGRES_PASSWORD", "REDIS_PASSWORD"):
        assert f"${{{name}:?" in COMPOSE
        assert f"\n{name}=\n" in (ROOT / "deploy" / "env.example").read_text()
    assert not re.search(r"^\s+[A-Z_]*(PASSWORD|SECRET_KEY|AUTH): (?!\$\{)", COMPOSE, re.MULTILINE)


def test_the_shop_pays_where_the_stacks_gateway_listens(tmp_path: Path) -> None:
    settings_of_shop = app.gateway_env(DataFolder(tmp_path))
    command = app.program_commands(DataFolder(tmp_path), port=8000, workers=1)["gateway"]
    port = command[command.index("--port") + 1]
    assert settings_of_shop["PAYMENT_GATEWAY_URL"] == f"http://127.0.0.1:{port}"
    assert command[command.index("--webhook") + 1] == "http://127.0.0.1:8000/payments/notices"
    assert env_validators.payment_gateway_secret("S", settings_of_shop["PAYMENT_GATEWAY_SECRET"], needed=True)
    assert app.gateway_env(DataFolder(tmp_path)) == settings_of_shop
