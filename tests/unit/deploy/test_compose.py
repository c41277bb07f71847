"""compose.yaml and the Dockerfile run the same programs as the launcher, with every setting, and contain no secrets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from django.conf import settings

from deploy import local
from deploy.stack import app
from deploy.stack.folder import DataFolder
from deploy.stack.java import KAFKA_VERSION
from deploy.stack.kafka import KafkaCluster
from eventshop import database_settings, env_validators, gunicorn_settings
from tests.support.processes import ROOT

COMPOSE = (ROOT / "compose.yaml").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SERVICES: Final[dict[str, dict[str, Any]]] = yaml.safe_load(COMPOSE)["services"]
CLUSTER: Final[dict[str, dict[str, Any]]] = yaml.safe_load((ROOT / "compose.cluster.yaml").read_text())["services"]
PROGRAMS: Final = ("prepare", "web", "relay", "publisher", "worker", "beat", "backup")

#: Settings that no container gets from compose.yaml, and why.
NOT_PASSED: Final = {
    "DEBUG": "never on a server that others can reach",
    "CRASH_AT": "for tests",
    "ENV_FILE": "the image reads none",
    "STATIC_ROOT": "the image holds the files",
    "STAFF_PASSWORD": "only prepare sets it",
}
#: Variables of the programs that are no settings, and who reads them.
NO_SETTINGS: Final = {"FORWARDED_ALLOW_IPS": "gunicorn"}
WRITABLE_ROOTS: Final = {"kafka": "its image writes its configuration below /opt/kafka at each start"}
#: What docs/running.md says fits: containers of each program.
SCALE: Final = {"web": 2, "relay": 2, "publisher": 2, "worker": 12}


@pytest.mark.parametrize(
    "command", [app.WEB_COMMAND, "python manage.py relay", app.WORKER_COMMAND, f"{app.CELERY_COMMAND} beat"]
)
def test_a_program_is_started_alike_with_and_without_docker(command: str) -> None:
    assert f"    command: {command}" in COMPOSE


def test_what_is_prepared_is_the_same() -> None:
    for name, *_ in local.PREPARE_COMMANDS:
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
    assert re.search(rf"image: apache/kafka:{re.escape(KAFKA_VERSION)}(@sha256:\w+)?\n", COMPOSE)


def test_no_secret_is_written_down() -> None:
    for name in ("SECRET_KEY", "STAFF_PASSWORD", "POSTGRES_PASSWORD", "REDIS_PASSWORD"):
        assert f"${{{name}:?" in COMPOSE
        assert f"\n{name}=\n" in (ROOT / "deploy" / "env.example").read_text()
    for name in ("KAFKA_PASSWORD", "KAFKA_BROKER_PASSWORD"):
        assert f"\n{name}=\n" in (ROOT / "deploy" / "env.example").read_text()
    assert not re.search(r"^\s+[A-Z_]*(PASSWORD|SECRET_KEY|AUTH): (?!\$\{)", COMPOSE, re.MULTILINE)


def test_the_shop_pays_where_the_stacks_gateway_listens(tmp_path: Path) -> None:
    settings_of_shop = app.service_env(DataFolder(tmp_path))
    command = app.program_commands(DataFolder(tmp_path), port=8000, workers=1)["gateway"]
    port = command[command.index("--port") + 1]
    assert settings_of_shop["PAYMENT_GATEWAY_URL"] == f"http://127.0.0.1:{port}"
    assert command[command.index("--webhook") + 1] == "http://127.0.0.1:8000/payments/notices"
    assert env_validators.webhook_secret("S", settings_of_shop["PAYMENT_GATEWAY_SECRET"], needed=True)
    assert app.service_env(DataFolder(tmp_path)) == settings_of_shop


def test_every_setting_reaches_every_program() -> None:
    source = (ROOT / "eventshop" / "settings.py").read_text()
    known = set(re.findall(r'(?:env\.\w+|_switch|_database|_timeout)\("([A-Z_]+)"', source))
    for name in PROGRAMS:
        passed = set(SERVICES[name]["environment"])
        needed = known - set(NOT_PASSED) | ({"STAFF_PASSWORD"} if name == "prepare" else set())
        assert passed - set(NO_SETTINGS) == needed, name
    assert known >= set(NOT_PASSED)


def test_an_option_that_is_not_set_keeps_its_default() -> None:
    """An empty text would be an invalid number; a name without a value passes what is set, and nothing else."""
    for name, value in SERVICES["web"]["environment"].items():
        assert value != "" and not re.search(r":-\}$", str(value)), name


def test_images_are_pinned_to_a_release() -> None:
    images = {service["image"] for service in SERVICES.values()} - {"eventshop"}
    images |= set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE))
    assert len(images) == 8
    for image in images:
        assert re.search(r":v?\d+\.\d+", image), image


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_has_limits_a_read_only_root_and_logs_that_end(name: str) -> None:
    service = SERVICES[name]
    assert bool(service.get("read_only")) != (name in WRITABLE_ROOTS)
    assert {"mem_limit", "cpus", "pids_limit"} <= set(service)
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert "no-new-privileges:true" in service["security_opt"]
    assert "privileged" not in service


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_has_a_health_check_unless_nothing_could_ask_it(name: str) -> None:
    check = SERVICES[name].get("healthcheck", {})
    # web: that of the image. The others have no port; /readyz and the admin watch them.
    is_mute = name in (*PROGRAMS, "otel-collector")
    assert check.get("test") or name == "web" or (is_mute and check == {"disable": True})


def test_only_the_proxy_can_be_reached_and_at_first_from_this_machine_only() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {
        "proxy": ["${PUBLISH_HTTP:-127.0.0.1:8000}:80", "${PUBLISH_HTTPS:-127.0.0.1:8443}:443"],
        "grafana": ["127.0.0.1:3000:3000"],
    }


def test_what_must_last_is_in_a_volume() -> None:
    volumes = yaml.safe_load(COMPOSE)["volumes"]
    mounts = {name: service.get("volumes", []) for name, service in SERVICES.items()}
    assert {mount.split(":")[0] for each in mounts.values() for mount in each if mount[0] != "."} == set(volumes)
    folder = str(Path(SERVICES["web"]["environment"]["ERASURE_LIST"]).parent)
    for name in PROGRAMS:
        assert f"state:{folder}" in mounts[name]
    assert f"install -d -o eventshop -g eventshop {folder}" in DOCKERFILE, "or the volume would belong to root"


def test_the_image_has_the_programs_of_the_server_for_backups_and_folders_for_them() -> None:
    [version] = re.findall(r"^    image: postgres:(\d+)\.", COMPOSE, re.MULTILINE)[:1]
    assert f"postgresql-client-{version} " in DOCKERFILE
    folders = [mount.split(":")[1] for mount in SERVICES["backup"]["volumes"] if mount.startswith("backup")]
    assert folders
    for folder in folders:
        assert re.search(rf"install -d -m 700 -o eventshop -g eventshop .*{folder}\b", DOCKERFILE)
        assert folder in SERVICES["backup"]["command"][-1]


def test_postgresql_has_a_connection_for_each_program_at_the_documented_scale() -> None:
    processes, threads = gunicorn_settings.workers, gunicorn_settings.threads
    pool = 3 + database_settings.OTHER_CONNECTIONS  # PROJECTION_THREADS by default
    # Beside its threads, a process of web has one connection for live pages and one for signals.
    needed = {"web": processes * (threads + 2), "relay": 4, "publisher": 4, "worker": pool + 1}
    total = sum(SCALE[name] * count for name, count in needed.items())
    [limit] = re.findall(r"max_connections=(\d+)", COMPOSE)
    reserved, commands = 3, 20
    assert total + reserved + commands <= int(limit)
    text = (ROOT / "docs" / "running.md").read_text()
    assert f"{total} of the {limit} connections" in text
    assert all(f"{count} `{name}`" in text for name, count in SCALE.items())


def test_the_cluster_has_three_brokers_with_three_copies_and_a_password() -> None:
    brokers = {name: service for name, service in CLUSTER.items() if name not in PROGRAMS}
    assert set(brokers) == {"kafka", "kafka-2", "kafka-3"}
    for name, broker in brokers.items():
        environment = broker["environment"]
        assert environment["KAFKA_ADVERTISED_LISTENERS"] == f"CLIENT://{name}:9092"
        assert "PLAINTEXT:PLAINTEXT" not in environment["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"]
        factors = {value for key, value in environment.items() if key.endswith("REPLICATION_FACTOR")}
        assert factors == {"3"}
    for name in PROGRAMS:
        environment = CLUSTER[name]["environment"]
        assert (environment["KAFKA_REPLICATION_FACTOR"], environment["KAFKA_MIN_INSYNC_REPLICAS"]) == ("3", "2")
        options = env_validators.kafka_options("EVENT_LOG_URL", environment["EVENT_LOG_URL"])
        assert options["bootstrap_servers"] == [f"{broker}:9092" for broker in brokers]
        assert options["security_protocol"] == "SASL_PLAINTEXT"
