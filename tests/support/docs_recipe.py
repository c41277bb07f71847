"""A page of the documentation as a recipe: its code goes into a copy of the project, its commands run there.

Which blocks do something, and what:
- ```` ```python title="gifts/events.py" ````: the end of that file, which is made if it is not there;
- ```` ```diff title="trading/apps.py" ````: a change to that file; its lines must stand there exactly once;
- ```` ```console ````: lines after `$ ` are run, and what stands below must be among what they say, in this order.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Final, NamedTuple

from tests.conftest import BASE_DIR

_BLOCK: Final = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LEFT_OUT: Final = ignore_patterns(".*", "var", "staticfiles", "node_modules", "images")


class Block(NamedTuple):
    """One block of a page: its language, the file it is about, its text."""

    language: str
    title: str
    text: str


def blocks(page: str) -> Iterator[Block]:
    """The blocks of a page of `docs/` that do something."""
    for language, title, text in _BLOCK.findall((BASE_DIR / "docs" / page).read_text()):
        if title or language == "console":
            yield Block(language, title, text)


def follow(page: str, into: Path) -> Path:
    """Do all that a page says, in its order, in a copy of the project; the copy's folder.

    Raises `AssertionError` where the page does not fit the project, or a command fails or says something else.
    """
    copy = into / "project"
    copytree(BASE_DIR, copy, ignore=_LEFT_OUT)
    for block in blocks(page):
        match block.language:
            case "console":
                _run(block.text, copy)
            case "diff":
                _change(copy / block.title, block.text)
            case _:
                _append(copy / block.title, block.text)
    return copy


def _append(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".py" and not any(path.parent.glob("*.py")):
        (path.parent / "__init__.py").touch()
    before = path.read_text() + "\n\n" if path.exists() else ""
    path.write_text(before + text)


def _change(path: Path, diff: str) -> None:
    lines = [(line[:1], line[1:]) for line in diff.splitlines(keepends=True)]
    old = "".join(text for mark, text in lines if mark != "+")
    new = "".join(text for mark, text in lines if mark != "-")
    assert path.read_text().count(old) == 1, f"{path.name} does not have exactly once:\n{old}"
    path.write_text(path.read_text().replace(old, new))


def _run(text: str, folder: Path) -> None:
    commands = re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE)
    assert commands, f"no command in:\n{text}"
    for command, expected in commands:
        said = _said(command, folder)
        rest = iter(line.strip() for line in said.splitlines())
        for line in filter(None, map(str.strip, expected.splitlines())):
            assert any(line in found for found in rest), f"{command} does not say {line!r}:\n{said}"


def _said(command: str, folder: Path) -> str:
    names = {"DATABASE_URL", "DJANGO_SETTINGS_MODULE", "PYTEST_CURRENT_TEST", "STATIC_ROOT"}
    env = {name: value for name, value in os.environ.items() if name not in names}
    env |= {"ENV_FILE": "", "PATH": f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}", "COLUMNS": "200"}
    done = subprocess.run(
        shlex.split(command), cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr
