"""Purposes and legal bases are terms of the W3C Data Privacy Vocabulary."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from users.domain.purposes import PURPOSES, Basis

pytestmark = pytest.mark.data


def terms(folder: Path, name: str) -> set[str]:
    with (folder / "gdpr" / name).open() as file:
        return {row["term"] for row in csv.DictReader(file)}


def test_every_purpose_is_a_term_of_the_vocabulary(shared_data: Path) -> None:
    assert PURPOSES.keys() <= terms(shared_data, "dpv-2.2-purposes.csv")
    assert {str(basis) for basis in Basis} <= terms(shared_data, "dpv-2.2-eu-gdpr-legal_basis.csv")
