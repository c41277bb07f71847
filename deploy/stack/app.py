"""EventShop itself on the stack: what is prepared once, and the processes that run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from deploy.local import ROOT, gateway_secret
from deploy.stack.errors import StackError
from deploy.stack.folder import Folder
from deploy.stack.ports import HOST, port_of
from deploy.stack.processes import Process

READY_S = 60.0
#: What has to be done before anything runs; each is harmless when it is done already.
PREPARE = (
    ["migrate", "--verbosity", "0"],
    ["create_topics"],
    ["seed_demo"],
    ["ensure_staff"],
    ["ensure_demo_customer"],
)
CELERY = "celery -A eventshop"
HOSTED = "--projections all --processes"
WORKER = f"{CELERY} worker --pool threads --concurrency 4 {HOSTED} --without-gossip --without-mingle"


def programs(folder: Folder, *, port: int, workers: int) -> dict[str, list[str]]:
    """Return the command of every process by its name."""
    beat = ["--schedule", str(folder.path / "beat-schedule"), "--pidfile", ""]
    return {
        "web": [*WEB.split(), "--bind", f"{HOST}:{port}"],
        "relay": [sys.executable, "manage.py", "relay"],
        "publisher": [sys.executable, "manage.py", "publish_projections"],
        **{
            f"worker-{number}": [*WORKER.split(), "--hostname", f"worker-{number}@%h"]
            for number in range(1, workers + 1)
        },
        "beat": [*f"{CELERY} beat".split(), *beat],
        "gateway": [
            *(sys.executable, "-m", "deploy.gateway", "--port", str(port_of(folder, "gateway"))),
            *("--file", str(folder.path / "gateway.sqlite3"), "--webhook", f"http://{HOST}:{port}/payments/notices"),
        ],
    }


WEB = "gunicorn eventshop.wsgi --worker-class gthread --workers 2 --threads 8 --graceful-timeout 3 --no-control-socket"


def processes(folder: Folder) -> list[Process]:
    """The processes of a data folder, those too that an earlier start with more workers left."""
    names = {
        "web",
        "relay",
        "publisher",
        "beat",
        "gateway",
        *(file.stem for file in (folder.path / "run").glob("worker-*.pid")),
    }
    return [Process(name, folder) for name in sorted(names)]


def gateway_env(folder: Folder) -> dict[str, str]:
    """Settings that point the shop at the stack's payment gateway."""
    return {
        "PAYMENT_GATEWAY_URL": f"http://{HOST}:{port_of(folder, 'gateway')}",
        "PAYMENT_GATEWAY_SECRET": str(folder.remembered("payment_gateway_secret", gateway_secret)),
    }


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return what the processes run in: this environment, and settings that point at the stack."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", **settings}


def prepare(env: Mapping[str, str]) -> None:
    """Bring database and topics up to date, fill an empty shop with demo data, and make the staff account."""
    # One process for all of them: starting Django takes longer than most of what they do.
    done = subprocess.run([sys.executable, "-m", "deploy.stack.prepare"], cwd=ROOT, env=env, check=False)
    if done.returncode:
        raise StackError("the shop could not be prepared; see above")


def serves(port: int) -> bool:
    """Tell whether the web server answers."""
    try:
        with urlopen(f"http://{HOST}:{port}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
