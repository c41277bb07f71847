"""EventShop on the stack: its preparation commands and its processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from deploy.local import ROOT, letters_url, new_gateway_secret
from deploy.stack.errors import StackError
from deploy.stack.folder import DataFolder
from deploy.stack.ports import HOST, port_of
from deploy.stack.processes import Process

CELERY_COMMAND = "celery --quiet -A eventshop"
HOSTED_OPTIONS = "--projections all --sagas"
WORKER_COMMAND = (
    f"{CELERY_COMMAND} worker --pool threads --concurrency 4 {HOSTED_OPTIONS} --without-gossip --without-mingle"
)


def program_commands(folder: DataFolder, *, port: int, workers: int) -> dict[str, list[str]]:
    """Return the command line of each process, by name."""
    beat = ["--schedule", str(folder.path / "beat-schedule"), "--pidfile", ""]
    return {
        "web": [*WEB_COMMAND.split(), "--bind", f"{HOST}:{port}"],
        "relay": [sys.executable, "manage.py", "relay"],
        "publisher": [sys.executable, "manage.py", "publish_projections"],
        **{
            f"worker-{number}": [*WORKER_COMMAND.split(), "--hostname", f"worker-{number}@%h"]
            for number in range(1, workers + 1)
        },
        "beat": [*f"{CELERY_COMMAND} beat".split(), *beat],
        "gateway": [
            *(sys.executable, "-m", "deploy.gateway", "--port", str(port_of(folder, "gateway"))),
            *("--file", str(folder.path / "gateway.sqlite3"), "--webhook", f"http://{HOST}:{port}/payments/notices"),
        ],
        "venue": [
            *(sys.executable, "-m", "deploy.venue", "--port", str(port_of(folder, "venue"))),
            *("--file", str(folder.path / "venue.sqlite3"), "--webhook", f"http://{HOST}:{port}/trading/reports"),
        ],
    }


WEB_COMMAND = "gunicorn eventshop.wsgi --config eventshop/gunicorn_settings.py"


def processes(folder: DataFolder) -> list[Process]:
    """The processes of a data folder, including workers of an earlier start with more of them."""
    names = {
        "web",
        "relay",
        "publisher",
        "beat",
        "gateway",
        "venue",
        *(file.stem for file in (folder.path / "run").glob("worker-*.pid")),
    }
    return [Process(name, folder) for name in sorted(names)]


def service_env(folder: DataFolder) -> dict[str, str]:
    """Settings that connect EventShop to the stack's payment gateway and venue."""
    return {
        "PAYMENT_GATEWAY_URL": f"http://{HOST}:{port_of(folder, 'gateway')}",
        "PAYMENT_GATEWAY_SECRET": str(folder.get_or_create("payment_gateway_secret", new_gateway_secret)),
        "VENUE_URL": f"http://{HOST}:{port_of(folder, 'venue')}",
        "VENUE_SECRET": str(folder.get_or_create("venue_secret", new_gateway_secret)),
    }


def process_environment(folder: DataFolder, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the processes: the current one and the stack's settings."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    # The printed password is all that is needed to sign in, unless the environment says otherwise.
    demo = {"STAFF_SECOND_FACTOR": "off", "EMAIL_URL": letters_url(folder.path / "letters")}
    return {**demo, **os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", **settings}


def run_prepare(env: Mapping[str, str]) -> None:
    """Migrate the database, create topics, add demo data to an empty database, and create the staff account."""
    # One process for all commands: starting Django takes longer than most of them.
    result = subprocess.run([sys.executable, "-m", "deploy.stack.prepare"], cwd=ROOT, env=env, check=False)
    if result.returncode:
        raise StackError("EventShop could not be prepared; see the output above")


def is_serving(port: int) -> bool:
    """Whether the web server answers /healthz."""
    try:
        with urlopen(f"http://{HOST}:{port}/healthz", timeout=30) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
