"""What a management command starts with: no page, no worker and no document is imported for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from django.apps import apps
from django.core.checks import run_checks
from django.core.management import get_commands, load_command_class
from django.test import override_settings

from eventshop.runtime.management_command import EVERY_START, ManagementCommand
from tests.support.processes import ROOT
from tools.apps import packages

#: Modules that only pages, the API, workers or documents need.
NOT_FOR_COMMANDS = {
    "eventshop.urls",
    "eventshop.web.api.openapi_views",
    "orders.api.orders",
    "users.pages.second_factor_views",
    "drf_spectacular.views",
    "celery.bin.celery",
    "fpdf",
    "holidays",
    "jinja2",
    "opentelemetry.sdk",
    "kafka",
}


def test_every_command_of_ours_starts_without_the_checks_of_the_program() -> None:
    own = {config.name for config in apps.get_app_configs() if config.name.partition(".")[0] in packages()}
    commands = {name: load_command_class(app, name) for name, app in get_commands().items() if app in own}
    assert len(commands) > 50
    assert {name for name, command in commands.items() if not isinstance(command, ManagementCommand)} == set()


HEALTH = """
import sys
sys.argv = ["manage.py", "health"]
import manage
try:
    manage.main()
finally:
    print(*sys.modules, sep="\\n")
"""


def test_a_command_imports_no_page_and_no_worker(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}){HEALTH}"],  # with no library yet
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3"},
        capture_output=True,
        text=True,
        check=False,
    )
    imported = set(done.stdout.splitlines())
    assert {"eventshop.settings", "eventshop.cli.management.commands.health"} <= imported, done.stderr
    assert imported & NOT_FOR_COMMANDS == set()


def test_a_missing_signing_key_is_said_at_every_start() -> None:
    with override_settings(DEBUG=False, ROOT_SIGNING_KEY_IS_DERIVED=True):
        assert [message.id for message in run_checks(tags=[EVERY_START])] == ["eventshop.W001"]
