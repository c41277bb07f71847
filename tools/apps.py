"""Which packages the repository has, found by looking: a new app needs no entry in any list."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
#: Packages that are no apps: the library itself, launchers, measurements, tests and these tools.
NO_APPS: Final = frozenset({"eventshop", "deploy", "benchmarks", "tests", "tools"})
#: The app of the read models, which stands above the domains.
READ_MODELS: Final = "projections"


def packages(root: Path = ROOT) -> list[str]:
    """Every top-level package, by name."""
    return sorted(path.parent.name for path in root.glob("*/__init__.py"))


def domains(root: Path = ROOT) -> list[str]:
    """Every domain app: what is neither the library, nor the read models, nor a tool."""
    return [name for name in packages(root) if name not in NO_APPS | {READ_MODELS}]
