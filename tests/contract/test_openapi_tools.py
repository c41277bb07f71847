"""The OpenAPI document as others' tools see it: Redocly and Spectral find no error, and it gives TypeScript types.

The tools come from npm, at the versions and digests of `npm/package-lock.json`, once into `var/npm/`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest
from django.conf import settings

from eventshop.web.api import openapi_views
from tests.conftest import missing

HERE: Final = Path(__file__).parent / "npm"
#: The tools ask nobody for news while they run.
QUIET: Final = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "npm_config_update_notifier": "0"}


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tools' programs. Without npm the tests are skipped."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("NOT TESTED: npm is missing; Debian and Ubuntu have it in the package npm")
    lock = (HERE / "package-lock.json").read_bytes()
    installed = Path(settings.BASE_DIR) / "var" / "npm" / sha256(lock).hexdigest()[:12]
    if not installed.exists():
        fresh = tmp_path_factory.mktemp("npm")
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, fresh)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        answer = subprocess.run(command, cwd=fresh, capture_output=True, text=True, timeout=600, check=False)
        if answer.returncode:
            missing(f"npm cannot install the tools: {answer.stderr[-500:]}")
        installed.parent.mkdir(parents=True, exist_ok=True)
        if not installed.exists():  # another process may have been faster
            shutil.move(fresh, installed)
    return installed / "node_modules" / ".bin"


def run(tool: Path, *arguments: str, cwd: Path = HERE) -> str:
    """What the tool says; fails with it unless the tool is content."""
    command = [str(tool), *arguments]
    answer = subprocess.run(
        command, cwd=cwd, env={**os.environ, **QUIET}, capture_output=True, text=True, timeout=300, check=False
    )
    assert answer.returncode == 0, answer.stdout[-3_000:] + answer.stderr[-3_000:]
    return answer.stdout


def test_redocly_finds_no_error(tools: Path) -> None:
    run(tools / "redocly", "lint", str(openapi_views.FILE), "--config", "redocly.yaml")


def test_spectral_finds_no_error(tools: Path) -> None:
    said = run(tools / "spectral", "lint", str(openapi_views.FILE), "--ruleset", "spectral.yaml", "--format", "stylish")
    assert "(0 errors" in said or "No results with a severity" in said


def test_typescript_accepts_what_fits_and_nothing_else(tools: Path, tmp_path: Path) -> None:
    shutil.copy(HERE / "usage.ts", tmp_path)
    types = str(tmp_path / "openapi.d.ts")
    run(tools / "openapi-typescript", str(openapi_views.FILE), "--default-non-nullable=false", "--output", types)
    options = ("--noEmit", "--strict", "--moduleResolution", "bundler", "--module", "esnext")
    run(tools / "tsc", *options, "usage.ts", cwd=tmp_path)
