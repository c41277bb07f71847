"""The how-to pages on extending EventShop are followed step by step in a copy of the project, and the result works."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import docs_recipe

PAGES = ("extend-aggregate.md", "extend-event.md", "extend-projection.md", "extend-saga.md")


@pytest.mark.parametrize("page", [PAGES[0], *(pytest.param(page, marks=pytest.mark.long) for page in PAGES[1:])])
def test_the_page_builds_its_example(page: str, tmp_path: Path) -> None:
    docs_recipe.apply_recipe(page, tmp_path)


@pytest.mark.parametrize("pages", [PAGES, *(pytest.param((page,), marks=pytest.mark.long) for page in PAGES)])
def test_the_pages_fit_the_project(pages: tuple[str, ...], tmp_path: Path) -> None:
    """Their changes apply, their lint passes, and Django starts with them; one page alone, and its tests, are long."""
    for page in pages:
        assert {block.language for block in docs_recipe.recipe_blocks(page)} >= {"python", "console"}
        docs_recipe.apply_recipe(page, tmp_path, run=lambda command: command.startswith("ruff"))
    docs_recipe._run_commands("$ python manage.py check\nno issues\n", tmp_path / "project")


def test_a_change_that_does_not_fit_the_project_any_more_fails(tmp_path: Path) -> None:
    path = tmp_path / "apps.py"
    path.write_text("a\nb\n")
    docs_recipe._apply_diff(path, " a\n-b\n+c\n")
    assert path.read_text() == "a\nc\n"
    with pytest.raises(AssertionError, match="does not have exactly once"):
        docs_recipe._apply_diff(path, " a\n-b\n+c\n")


def test_a_command_that_fails_or_says_something_else_fails(tmp_path: Path) -> None:
    docs_recipe._run_commands("$ python -c 'print(1); print(2)'\n1\n2\n", tmp_path)
    with pytest.raises(AssertionError, match="does not print '1'"):
        docs_recipe._run_commands("$ python -c 'print(1); print(2)'\n2\n1\n", tmp_path)
    with pytest.raises(AssertionError, match="NameError"):
        docs_recipe._run_commands("$ python -c 'nothing'\n", tmp_path)
