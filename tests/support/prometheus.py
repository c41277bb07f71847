"""The alert rules under Prometheus itself: as a server that scrapes real processes, or by promtool over one scrape."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final
from urllib.error import URLError
from urllib.request import urlopen

import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import BASE_DIR, missing
from tests.support.waiting import wait_for_exit, wait_until
from tests.support.web_server import free_port

FOLDER: Final = BASE_DIR / "deploy" / "observability"


class Prometheus:
    """A running server."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/api/v1"

    def firing(self) -> set[str]:
        """The names of the alerts that fire now."""
        return {alert["labels"]["alertname"] for alert in self._get("alerts")["alerts"] if alert["state"] == "firing"}

    def ever_fired(self) -> set[str]:
        """The names of the alerts that have fired since the server was started."""
        query = 'query?query=count_over_time(ALERTS%7Balertstate="firing"%7D[2h])'
        return {series["metric"]["alertname"] for series in self._get(query)["result"]}

    def metric_names(self) -> set[str]:
        """The names of all series that it has."""
        return set(self._get("label/__name__/values"))

    def scrapes(self, job: str) -> bool:
        """Whether all targets of a job have answered."""
        targets = self._get("targets?state=active")["activeTargets"]
        return all(target["health"] == "up" for target in targets if target["labels"]["job"] == job)

    def is_ready(self) -> bool:
        try:
            return bool(self._get("rules")["groups"])
        except (URLError, OSError):
            return False

    def _get(self, path: str) -> Any:
        with urlopen(f"{self.url}/{path}") as answer:
            return json.load(answer)["data"]


@contextmanager
def running_prometheus(folder: Path, targets: Mapping[str, Sequence[str]]) -> Iterator[Prometheus]:
    """Run Prometheus with the intervals and rules of `deploy/observability`; `targets` are `host:port`s by job."""
    config = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())
    config["rule_files"] = [str(FOLDER / name) for name in config["rule_files"]]
    config["scrape_configs"] = [
        {"job_name": job, "static_configs": [{"targets": list(addresses)}]} for job, addresses in targets.items()
    ]
    file, log, port = folder / "prometheus.yaml", folder / "prometheus.log", free_port()
    file.write_text(yaml.safe_dump(config))
    command = [find_program("prometheus"), f"--config.file={file}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=out, stderr=subprocess.STDOUT
        )
    try:
        server = Prometheus(port)
        wait_until(server.is_ready, seen=log)
        yield server
    finally:
        process.terminate()
        wait_for_exit(process, log=log)


def firing_alerts(*scrapes: str) -> set[str]:
    """The alerts that fire after `/metrics` has given this text for two minutes; promtool computes it.

    Of two texts the second goes on to differ from the first in each scrape, every 5 s: that makes rates.
    """
    first, last = dict(_samples(scrapes[0])), dict(_samples(scrapes[-1]))
    input_series = [
        {"series": name, "values": f"{value}{value - first.get(name, 0.0):+}x30"} for name, value in last.items()
    ]
    test = {
        "interval": "5s",
        "input_series": [*input_series, {"series": 'up{job="eventshop-web"}', "values": "1x30"}],
        "promql_expr_test": [{"expr": 'ALERTS{alertstate="firing"}', "eval_time": "2m", "exp_samples": []}],
    }
    suite = {"rule_files": [str(FOLDER / "alerts.yaml")], "evaluation_interval": "5s", "tests": [test]}
    with NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(suite, file)
        file.flush()
        done = subprocess.run(
            [find_program("promtool"), "test", "rules", file.name], capture_output=True, text=True, check=False
        )
    output = done.stdout + done.stderr
    assert done.returncode == 0 or "got:" in output, output
    return set(re.findall(r'alertname="(\w+)"', output))


def _samples(text: str) -> Iterator[tuple[str, float]]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ", ".join(f"{name}={json.dumps(value)}" for name, value in sample.labels.items())
            yield f"{sample.name}{{{labels}}}", sample.value


def find_program(name: str) -> str:
    """The path of `prometheus` or `promtool`; skips the test where it is missing, and fails it in CI."""
    if (path := shutil.which(name)) is None:
        missing(f"{name} is not installed (Debian: apt-get install prometheus)")
    return str(path)
