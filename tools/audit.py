"""`make audit`: asks pip-audit whether an advisory names a package of requirements.txt.

Exit status 0: none does. 1: some do. 2: not all packages could be looked up, so nothing is known about those.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

VERSION: Final = "2.10.0"
ROOT: Final = Path(__file__).resolve().parent.parent


def run_pip_audit() -> list[dict[str, Any]]:
    """The packages with their vulnerabilities or the reason why they were skipped; empty if pip-audit failed."""
    options = ["--requirement", "requirements.txt", "--require-hashes", "--disable-pip", "--format", "json"]
    command = [str(Path(sys.executable).with_name("uvx")), f"pip-audit=={VERSION}", *options]
    result = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    try:
        dependencies: list[dict[str, Any]] = json.loads(result.stdout)["dependencies"]
    except ValueError:
        print(result.stderr, file=sys.stderr)
        return []
    return dependencies


def report(dependencies: list[dict[str, Any]]) -> tuple[int, list[str]]:
    """The exit status and the lines for people."""
    lines = [
        f"{package['name']} {package['version']}: {vulnerability['id']}, mended in "
        + (", ".join(vulnerability["fix_versions"]) or "no version")
        for package in dependencies
        for vulnerability in package.get("vulns", [])
    ]
    skipped = [package["name"] for package in dependencies if "skip_reason" in package]
    if lines:
        return 1, lines
    if skipped or not dependencies:
        some = f"{len(skipped)} of {len(dependencies)} packages are" if dependencies else "Nothing is"
        return 2, [f"NOT AUDITED: {some} known to the advisory service, or it cannot be reached from here."]
    return 0, [f"No advisory names any of the {len(dependencies)} packages."]


if __name__ == "__main__":
    status, lines = report(run_pip_audit())
    print(*lines, sep="\n")
    sys.exit(status)
