"""What is kept when a person is erased: under which duty, until when. Data in a file, shown before anybody decides."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from datetime import date
from pathlib import Path
from typing import Final, Literal

import msgspec
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from msgspec import Struct

RetentionTopic = Literal["account", "orders", "consents"]
DEFAULT_FILE: Final = Path(__file__).with_name("retention.toml")


class RetentionRule(Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that is kept, and the duty to keep it."""

    what: str
    about: RetentionTopic
    duty: str
    years: int

    def until(self, erased_on: date) -> date | None:
        """The last day of the duty, which is counted from the end of that year; None: for as long as it lasts."""
        return date(erased_on.year + self.years, 12, 31) if self.years else None


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    rule: tuple[RetentionRule, ...]


def load_rules() -> tuple[RetentionRule, ...]:
    """Every rule; raises `ImproperlyConfigured` naming RETENTION_FILE for a file that is none."""
    path = settings.RETENTION_FILE or DEFAULT_FILE
    try:
        return msgspec.convert(tomllib.loads(Path(path).read_text()), _File).rule
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ImproperlyConfigured(f"RETENTION_FILE: {path}: {error}") from error


def rules_about(about: Collection[str]) -> list[RetentionRule]:
    """The rules about what a person has."""
    return [rule for rule in load_rules() if rule.about in about]
