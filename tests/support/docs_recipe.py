"""Runs a documentation page as a recipe: applies its code to a copy of the project and runs its commands there.

The blocks with an effect:
- ```` ```python title="gifts/events.py" ````: appended to that file, which is created where missing;
- ```` ```diff title="trading/apps.py" ````: applied to that file; the old lines must occur exactly once;
- ```` ```console ````: lines after `$ ` are run; the lines below must occur in their output, in this order.

A page on operation has console blocks only; a test runs those of one section in its own process (`follow_section`).
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from shutil import copytree, ignore_patterns
from string import Template
from typing import Final, NamedTuple

from tests.conftest import BASE_DIR
from tests.support.waiting import DEADLINE_S

_BLOCK: Final = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_IGNORED: Final = ignore_patterns(".*", "var", "staticfiles", "node_modules", "images")


class Block(NamedTuple):
    """One code block of a page: its language, the file in its title, its text."""

    language: str
    title: str
    text: str


def recipe_blocks(page: str) -> Iterator[Block]:
    """The blocks of a page of `docs/` that have an effect."""
    for language, title, text in _BLOCK.findall((BASE_DIR / "docs" / page).read_text()):
        if title or language == "console":
            yield Block(language, title, text)


def apply_recipe(page: str, into: Path, run: Callable[[str], bool] = lambda command: True) -> Path:
    """Apply all blocks of a page, in order, to a copy of the project; returns the folder of the copy.

    The copy is made in `into` where no page before has made one. Only commands are run for which `run` says so. Raises
    `AssertionError` where a diff does not fit the project, or a command fails or prints something else.
    """
    copy = into / "project"
    if not copy.exists():
        copytree(BASE_DIR, copy, ignore=_IGNORED)
    for block in recipe_blocks(page):
        match block.language:
            case "console":
                _run_commands(block.text, copy, run)
            case "diff":
                _apply_diff(copy / block.title, block.text)
            case _:
                _append_code(copy / block.title, block.text)
    return copy


def section_text(page: str, heading: str) -> str:
    """The text of one section of a page of `docs/`, without its heading."""
    sections = re.split(r"^## (.+)\n", (BASE_DIR / "docs" / page).read_text(), flags=re.MULTILINE)
    return dict(zip(sections[1::2], sections[2::2], strict=True))[heading]


def follow_section(page: str, heading: str, run: Callable[[list[str]], str], variables: Mapping[str, str]) -> None:
    """Run the commands of a section: `run` gets each command's words, and returns its output.

    `$NAME` in commands and in expected lines stands for a variable. Raises `AssertionError` where a command prints
    something else.
    """
    blocks = [text for language, _, text in _BLOCK.findall(section_text(page, heading)) if language == "console"]
    for text in blocks:
        for command, expected in _commands_in(Template(text).safe_substitute(variables)):
            _require_lines(command, expected, run(shlex.split(command)))


def commands_of_page(page: str) -> list[list[str]]:
    """The words of every command on a page of `docs/`, in order."""
    blocks = _BLOCK.findall((BASE_DIR / "docs" / page).read_text())
    texts = [text for language, _, text in blocks if language == "console"]
    return [shlex.split(command) for text in texts for command, _ in _commands_in(text)]


def _append_code(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_text() + "\n\n" if path.exists() else ""
    path.write_text(before + text)


def _apply_diff(path: Path, diff: str) -> None:
    lines = [(line[:1], line[1:]) for line in diff.splitlines(keepends=True)]
    old = "".join(text for mark, text in lines if mark != "+")
    new = "".join(text for mark, text in lines if mark != "-")
    assert path.read_text().count(old) == 1, f"{path.name} does not have exactly once:\n{old}"
    path.write_text(path.read_text().replace(old, new))


def _run_commands(text: str, folder: Path, run: Callable[[str], bool] = lambda command: True) -> None:
    for command, expected in filter(lambda pair: run(pair[0]), _commands_in(text)):
        _require_lines(command, expected, _output_of(command, folder))


def _commands_in(text: str) -> list[tuple[str, str]]:
    """Each command of a console block, with the lines below it."""
    commands = re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE)
    assert commands, f"no command in:\n{text}"
    return commands


def _require_lines(command: str, expected: str, output: str) -> None:
    rest = iter(line.strip() for line in output.splitlines())
    for line in filter(None, map(str.strip, expected.splitlines())):
        assert any(line in printed for printed in rest), f"{command} does not print {line!r}:\n{output}"


def _output_of(command: str, folder: Path) -> str:
    names = {"DATABASE_URL", "DJANGO_SETTINGS_MODULE", "PYTEST_CURRENT_TEST", "STATIC_ROOT"}
    env = {name: value for name, value in os.environ.items() if name not in names}
    env |= {"ENV_FILE": "", "PATH": f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}", "COLUMNS": "200"}
    done = subprocess.run(
        shlex.split(command), cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=DEADLINE_S
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr
