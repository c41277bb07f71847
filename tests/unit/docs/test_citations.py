"""Whatever a document, a docstring or a comment cites is in the repository; every glossary entry has its place."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.apps import ROOT

#: A path with a folder and an ending, such as `eventshop/core/port.py`.
PATH = re.compile(r"(?<![\w/.\-{:])((?:[\w\-]+/)+[\w\-]+\.(?:py|md|html|toml|yaml|svg|png|js|css))(?![\w(])")
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
#: Made when the program runs, or by the recipe that names them.
MADE = ("var/", "staticfiles/", "gifts/", ".venv/", "node_modules/")


def tracked(*endings: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    return [ROOT / name for name in listed if name.endswith(endings) and (ROOT / name).is_file()]


def is_there(path: str, beside: Path) -> bool:
    """Whether it exists below the root, the static files, or a folder above the file that cites it."""
    above = [folder for folder in (beside, *beside.parents) if folder.is_relative_to(ROOT)]
    return path.startswith(MADE) or any((folder / path).exists() for folder in (*above, ROOT / "static"))


def missing_from(file: Path) -> Iterator[str]:
    text = file.read_text()
    cited = {*PATH.findall(text)}
    if file.suffix == ".md":
        prose = FENCE.sub("", text)
        cited = {*PATH.findall(prose), *LINK.findall(prose)}
    elif file.suffix == ".py":  # in strings it may be anything, in a comment or a docstring it is a citation
        cited = {path for path in cited if re.search(rf"(#.*|`){re.escape(path)}", text)}
    for path in sorted(cited):
        if not is_there(path, file.parent):
            yield f"{file.relative_to(ROOT)} cites {path}"


def test_everything_that_is_cited_exists() -> None:
    missing = [line for file in tracked(".md", ".py", ".yaml") for line in missing_from(file)]
    assert not missing, "\n".join(missing)


def test_a_citation_of_nothing_is_found(tmp_path: Path) -> None:
    file = ROOT / "docs" / "architecture.md"
    assert is_there("docs/glossary.md", file.parent)
    assert not is_there("docs/of-another-repository.md", file.parent)


def test_each_test_that_a_document_names_exists() -> None:
    cited = [
        (file.name, *found)
        for file in tracked(".md")
        for found in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", file.read_text())
    ]
    assert len(cited) > 50
    missing = [cite for cite in cited if f"def {cite[2]}(" not in (ROOT / cite[1]).read_text()]
    assert missing == []


def test_each_chapter_of_the_verification_standard_has_a_test_or_a_reason() -> None:
    rows = re.findall(r"^\| (V\d+) [^|]+\| ([^|]+) \| (.+) \|$", (ROOT / "docs" / "security.md").read_text(), re.M)
    assert [name for name, _, _ in rows] == [f"V{number}" for number in range(1, 18)]
    for name, state, reason in rows:
        assert "`tests/" in reason or (state in ("does not apply", "of the installation") and reason), name


def glossary_rows() -> list[list[str]]:
    lines = (ROOT / "docs" / "glossary.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [row for row in rows if row[0] != "term" and not set(row[0]) <= {"-"}]


@pytest.mark.parametrize("row", glossary_rows(), ids=lambda row: row[0])
def test_every_word_of_the_glossary_has_its_place(row: list[str]) -> None:
    term, meaning, where, _, _ = row
    assert meaning, term
    assert (ROOT / where.strip("`")).exists(), where
