"""Imports point one way, and a new app is covered by the contracts without a change of any configuration."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tools.apps import ROOT, domains, packages

#: Each module of a new app with an import that no contract allows there.
WRONG = {
    "domain/rules.py": "import django",
    "sagas/process.py": "import celery",
    "application/offers.py": "import cryptography",
    "pages/views.py": "import rest_framework",
    "api/offers.py": "import kafka",
}
RIGHT = {
    "domain/rules.py": "import msgspec",
    "api/offers.py": "import rest_framework",
    "pages/views.py": "import django",
}


def checked(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.import_contracts"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def with_probe(root: Path, modules: dict[str, str]) -> Path:
    """The repository's packages below `root`, and beside them an app named `probe` with these modules."""
    for name in packages():
        (root / name).symlink_to(ROOT / name)
    for path, code in modules.items():
        file = root / "probe" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{code}\n")
        (file.parent / "__init__.py").touch()
    (root / "probe" / "__init__.py").touch()
    return root


def test_the_import_contracts_hold() -> None:
    result = checked(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_wrong_import_of_a_new_app_is_refused_and_named(tmp_path: Path) -> None:
    result = checked(with_probe(tmp_path, WRONG))
    assert result.returncode == 1, result.stdout + result.stderr
    for path, code in WRONG.items():
        module, dependency = f"probe.{path.removesuffix('.py').replace('/', '.')}", code.removeprefix("import ")
        assert f"{module} -> {dependency}" in result.stdout


def test_a_new_app_that_keeps_the_rules_is_accepted(tmp_path: Path) -> None:
    result = checked(with_probe(tmp_path, RIGHT))
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_app_is_found_by_looking(tmp_path: Path) -> None:
    assert domains(with_probe(tmp_path, RIGHT)) == ["orders", "probe", "trading", "users"]
