"""The index of the decisions lists each of them once, in the order of their numbers."""

from __future__ import annotations

import re

from tools.apps import ROOT

FOLDER = ROOT / "docs" / "decisions"
ROW = re.compile(r"^\| (\d+) \| \[.+\]\((\d{4}-[a-z0-9-]+\.md)\) \| \S.* \|$")


def test_each_decision_is_listed_once_in_order() -> None:
    rows = [line for line in (FOLDER / "README.md").read_text().splitlines() if line.startswith("| ")][1:]
    listed = [(int(found[1]), found[2]) for row in rows if (found := ROW.match(row))]
    assert len(listed) == len(rows), [row for row in rows if not ROW.match(row)]
    files = sorted(file.name for file in FOLDER.iterdir() if file.name != "README.md")
    assert listed == [(int(name[:4]), name) for name in files]


def test_each_decision_has_a_number_of_its_own_and_says_it() -> None:
    said = {}
    for file in FOLDER.glob("[0-9]*.md"):
        heading = re.match(r"# 0*(\d+)[.:] \S", file.read_text())
        said[file.name] = int(heading[1]) if heading else None
    assert said == {name: int(name[:4]) for name in said}
    assert len(set(said.values())) == len(said)
