"""Check which package may import which: `python -m tools.import_contracts`, a part of `make check`.

The contracts are written for kinds of packages (`*.domain`, `*.api`), not for names, so that a new app is covered
without any change here or in a configuration. Import Linter does the checking; it wants a list of root packages in a
file, which is made from what the repository holds.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from tools.apps import READ_MODELS, ROOT, domains, packages

#: Lowest last. Packages of one line do not import each other.
LAYERS: Final = (
    "plugins",
    "cli",
    "admin_console | web",
    "operations",
    "sagas | projections",
    "privacy",
    "messaging",
    "eventstore",
    "runtime",
    "core",
)
#: Modules of `eventshop` that stand outside of the layers: Django's own files, and what every layer may use.
OUTSIDE_LAYERS: Final = (
    "asgi",
    "celery",
    "database_settings",
    "datetimes",
    "env_validators",
    "formats",
    "gunicorn_settings",
    "log_settings",
    "permission_migrations",
    "settings",
    "testing",
    "unfold",
    "urls",
    "wsgi",
)
FRAMEWORKS: Final = (
    "django",
    "celery",
    "kombu",
    "kafka",
    "rest_framework",
    "environ",
    "cryptography",
    "httpx",
    "psycopg",
)
#: Each dependency, and the only packages that may import it.
DOORS: Final = {
    "environ": ("eventshop.settings",),
    "kafka": ("eventshop.messaging.kafka.**", "deploy.stack.**"),
    "cryptography": ("eventshop.privacy.**",),
    "rest_framework": ("eventshop.web.**", "*.api.**"),
    "opentelemetry": ("eventshop.runtime.**",),
}

Contract = dict[str, Any]


def contracts(root: Path = ROOT) -> Iterator[Contract]:
    """The contracts for the packages below `root`, in Import Linter's terms."""
    apps, names = domains(root), [name for name in packages(root) if name not in ("tests", "benchmarks", "tools")]
    yield {
        "name": "Read models over the domains over eventshop; the domains do not know each other",
        "type": "layers",
        "layers": [READ_MODELS, " | ".join(apps), "eventshop"],
    }
    yield {
        "name": "The layers of eventshop",
        "type": "layers",
        "containers": ["eventshop"],
        "layers": list(LAYERS),
        "exhaustive": True,
        "exhaustive_ignores": list(OUTSIDE_LAYERS),
    }
    yield {
        "name": "Domain and sagas of an app, and the core, import no framework",
        "type": "forbidden",
        "source_modules": ["eventshop.core", *_below(root, apps, "domain", "sagas")],
        "forbidden_modules": list(FRAMEWORKS),
    }
    yield {
        "name": "Read models know a domain by its events, ports, and what its admin and API offer for reuse",
        "type": "forbidden",
        "source_modules": [READ_MODELS],
        "forbidden_modules": _below(root, apps, "sagas", "pages", "importers", "demo", "models", "payment_gateway"),
        "allow_indirect_imports": True,
    }
    for dependency, doors in DOORS.items():
        yield {
            "name": f"{dependency} is imported by {', '.join(door.removesuffix('.**') for door in doors)} only",
            "type": "forbidden",
            "source_modules": names,
            "forbidden_modules": [dependency],
            "ignore_imports": [f"{door} -> {dependency}" for door in _with_roots(doors)],
            "unmatched_ignore_imports_alerting": "none",
            "allow_indirect_imports": True,
        }


def _with_roots(doors: Iterable[str]) -> Iterator[str]:
    for door in doors:
        yield door
        if door.endswith(".**"):  # the package itself, beside everything below it
            yield door.removesuffix(".**")


def _below(root: Path, apps: Iterable[str], *folders: str) -> list[str]:
    """The packages of these names that the apps have."""
    return [f"{app}.{folder}" for app in apps for folder in folders if (root / app / folder).is_dir()]


def configuration(root: Path = ROOT) -> str:
    """The configuration file for Import Linter, as TOML."""
    names = [name for name in packages(root) if name not in ("tests", "benchmarks", "tools")]
    lines = ["[tool.importlinter]", f"root_packages = {json.dumps(names)}", "include_external_packages = true"]
    for contract in contracts(root):
        lines.append("[[tool.importlinter.contracts]]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in contract.items()]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Check the packages of the current folder; 0 where every contract holds."""
    from importlinter.cli import lint_imports

    root = Path.cwd()
    sys.path.insert(0, str(root))
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(configuration(root))
        file.flush()
        return lint_imports(config_filename=file.name, no_cache=True, no_logo=True)


if __name__ == "__main__":
    sys.exit(main())
