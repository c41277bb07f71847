"""Alerts, dashboards and the runbook fit each other and the program: every metric, part and entry they name exists."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from eventshop.operations.attention.guides import GUIDES
from eventshop.operations.health_checks import check_components
from eventshop.projections.projection import projection_registry
from eventshop.runtime.metrics_server import DatabasePoolCollector
from tests.conftest import BASE_DIR
from tests.support.docs_recipe import commands_of_page, section_text
from tests.support.prometheus import find_program
from tests.support.read_models import append_order_histories

pytestmark = pytest.mark.long(on="postgres")  # about files

FOLDER: Final = BASE_DIR / "deploy" / "observability"
RUNBOOK: Final = (BASE_DIR / "docs" / "runbook.md").read_text()
RULES: Final[list[dict[str, Any]]] = [
    rule for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"] for rule in group["rules"]
]
DASHBOARDS: Final = {path.name: json.loads(path.read_text()) for path in (FOLDER / "dashboards").glob("*.json")}
#: Sections that are no entries for alerts.
OVERVIEW: Final = {"Faults and how they are seen"}


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in RULES)
    for board in DASHBOARDS.values():
        yield from (target["expr"] for panel in board["panels"] for target in panel["targets"])


@pytest.mark.usefixtures("clean_database")
def test_every_metric_and_every_part_that_is_named_exists(client: Client) -> None:
    text = client.get("/metrics").content.decode()
    names = {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}
    names |= {family.name for family in text_string_to_metric_families(text)}
    names |= set(re.findall(r"`(eventshop_\w+)`", (BASE_DIR / "docs" / "metrics.md").read_text()))
    names |= {metric.name for metric in DatabasePoolCollector().collect()}
    used = {name for text in expressions() for name in re.findall(r"eventshop_\w+", text)}
    assert {name for name in used if re.sub(r"_(bucket|count|sum)$", "", name) not in names} == set()
    components = check_components()
    parts = {part.name for component in components for part in (component, *component.parts)}
    parts |= {"event router", "saga runner", "timers", "effects"}
    named = {part for text in expressions() for part in re.findall(r'part=~?"([^"]+)"', text)}
    assert {part for names in named for part in names.split("|")} - parts == set()


@pytest.mark.usefixtures("clean_database")
def test_every_part_of_health_has_an_alert() -> None:
    watched = "".join(rule["expr"] for rule in RULES)
    parts = {part.name for each in check_components() for part in (each.parts or (each,))}
    by_own_metric = {"workers"} | {projection.name for projection in projection_registry.select([])}
    named = {name for names in re.findall(r'part=~?"([^"]+)"', watched) for name in names.split("|")}
    assert parts - by_own_metric <= named
    assert all(metric in watched for metric in ("eventshop_worker_processes", "eventshop_projection_state"))


def test_every_metric_is_on_a_dashboard_or_in_a_rule() -> None:
    listed = set(re.findall(r"^\| `(eventshop_\w+)`", (BASE_DIR / "docs" / "metrics.md").read_text(), re.MULTILINE))
    named = {name for text in expressions() for name in re.findall(r"eventshop_\w+", text)}
    used = {re.sub(r"_(bucket|count|sum)$", "", name) for name in named}
    assert listed - used == set()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_it_means_and_leads_to_its_entry(rule: dict[str, Any]) -> None:
    notes = rule["annotations"]
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert all(notes[name] for name in ("summary", "description", "action"))
    page, anchor = notes["runbook_url"].split("#")
    [heading] = [text for text in headings() if slug(text) == anchor]
    assert page == "docs/runbook.md"
    entry = section_text("runbook.md", heading)
    assert f"`{rule['alert']}`" in entry
    assert all(f"**{part}" in entry for part in ("What is seen", "Why", "How to know that it is over"))


def test_every_entry_belongs_to_an_alert_or_to_an_attention_item_and_faults_name_alerts_that_exist() -> None:
    entries = {rule["annotations"]["runbook_url"].split("#")[1] for rule in RULES}
    entries |= {guide.runbook for guide in GUIDES.values()}
    assert {slug(text) for text in headings() if text not in OVERVIEW} == entries
    assert set(re.findall(r"`(EventShop\w+)`", RUNBOOK)) == {rule["alert"] for rule in RULES}


def headings() -> list[str]:
    return re.findall(r"^## (.+)$", RUNBOOK, re.MULTILINE)


def slug(heading: str) -> str:
    return re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.usefixtures("clean_database")
def test_the_commands_of_the_runbook_run_as_they_stand_there() -> None:
    append_order_histories(Random(1), range(3))
    commands = commands_of_page("runbook.md")
    assert len(commands) >= 9
    for words in commands:
        try:
            call_command(*words[2:])
        except SystemExit as ended:  # health tells by its status that nobody runs anything here
            if (words[2], ended.code) != ("health", 2):
                raise


def test_prometheus_takes_the_rules() -> None:
    done = subprocess.run(
        [find_program("promtool"), "check", "rules", "alerts.yaml"], cwd=FOLDER, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_dashboard_has_panels_that_do_not_overlap() -> None:
    assert len(DASHBOARDS) == 6
    for name, board in DASHBOARDS.items():
        places = [tuple(panel["gridPos"].values()) for panel in board["panels"]]
        assert len(set(places)) == len(places) == len({panel["id"] for panel in board["panels"]}), name


# --- the profile of compose.yaml -------------------------------------------------------------------------------------

COMPOSE: Final[dict[str, Any]] = yaml.safe_load((BASE_DIR / "compose.yaml").read_text())
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
PROFILE: Final = {name: each for name, each in SERVICES.items() if "observability" in each.get("profiles", ())}


def mounts(name: str) -> dict[str, Path]:
    """Where files of the repository are in a container."""
    places = (volume.split(":") for volume in PROFILE[name]["volumes"])
    return {place[1]: BASE_DIR / place[0] for place in places if place[0].startswith("./")}


def in_container(name: str, path: str) -> Path:
    """The file of the repository that a container has at a path."""
    [(place, file)] = [(place, file) for place, file in mounts(name).items() if Path(path).is_relative_to(place)]
    return file / Path(path).relative_to(place)


def test_each_program_of_the_profile_finds_its_files() -> None:
    assert set(PROFILE) == {"prometheus", "grafana", "otel-collector"}
    for name, service in PROFILE.items():
        assert all(file.exists() for file in mounts(name).values()), name
        for option in service.get("command", ()):
            if option.partition("=")[0] in ("--config", "--config.file"):
                assert in_container(name, option.partition("=")[2]).is_file()
        volumes = {volume.split(":")[0] for volume in service["volumes"] if not volume.startswith("./")}
        assert volumes <= COMPOSE["volumes"].keys()
    [provider] = yaml.safe_load((FOLDER / "grafana" / "dashboards.yaml").read_text())["providers"]
    assert {file.name for file in in_container("grafana", provider["options"]["path"]).iterdir()} == set(DASHBOARDS)


def test_prometheus_takes_its_configuration_and_scrapes_services_where_they_listen(tmp_path: Path) -> None:
    config = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())
    web, parts = config["scrape_configs"]
    [target] = web["static_configs"][0]["targets"]
    assert target == f"web:{SERVICES['web']['expose'][0]}"
    [names] = parts["dns_sd_configs"]
    for name in names["names"]:  # a service that names no environment has that of all
        assert SERVICES[name]["environment"]["METRICS_PORT"] == f"${{METRICS_PORT:-{names['port']}}}"
        assert SERVICES[name]["environment"]["METRICS_ADDRESS"] == "${METRICS_ADDRESS:-0.0.0.0}"
    [secret] = PROFILE["prometheus"]["secrets"]
    assert web["authorization"]["credentials_file"] == f"/run/secrets/{secret}"
    token = tmp_path / secret
    token.write_text("a token")
    web["authorization"]["credentials_file"] = str(token)
    (tmp_path / "alerts.yaml").write_text((FOLDER / "alerts.yaml").read_text())
    (tmp_path / "prometheus.yaml").write_text(yaml.safe_dump(config))
    check = [find_program("promtool"), "check", "config", "prometheus.yaml"]
    done = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_panel_asks_the_data_source_that_there_is() -> None:
    [source] = yaml.safe_load((FOLDER / "grafana" / "datasources.yaml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    for name, board in DASHBOARDS.items():
        [variable] = [each for each in board["templating"]["list"] if each["type"] == "datasource"]
        assert variable["query"] == source["type"], name
        assert {panel["datasource"]["uid"] for panel in board["panels"]} == {f"${{{variable['name']}}}"}, name


def test_the_collector_listens_for_what_the_programs_send_and_writes_where_it_lasts() -> None:
    collector = yaml.safe_load((FOLDER / "otel-collector.yaml").read_text())
    page = (BASE_DIR / "docs" / "tracing.md").read_text()
    [port] = set(re.findall(r"http://otel-collector:(\d+)", page))
    assert collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"] == f"0.0.0.0:{port}"
    for kind in ("receivers", "processors", "exporters"):
        assert set(collector["service"]["pipelines"]["traces"][kind]) == collector[kind].keys()
    written = collector["exporters"]["file"]["path"]
    places = [volume.split(":")[1] for volume in PROFILE["otel-collector"]["volumes"] if volume.startswith("traces:")]
    assert [place for place in places if Path(written).is_relative_to(place)]
