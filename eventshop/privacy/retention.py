"""The retention rules, read from a file: what is kept, under which duty, and until when."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from datetime import date
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from msgspec import Struct

from eventshop.core.command_cleaning import clean
from eventshop.core.errors import InvalidMessage
from eventshop.core.personal_fields import NotPersonal

RetentionTopic = Literal["account", "orders", "consents", "trades", "inactive accounts", "access log"]
#: A text of the file, which every erasure copies into its events.
RuleText: TypeAlias = Annotated[str, NotPersonal("from the retention file")]
DEFAULT_FILE: Final = Path(__file__).with_name("retention.toml")


class RetentionRule(Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of data that is kept, and the legal duty to keep it."""

    what: RuleText
    about: RetentionTopic
    duty: RuleText
    years: int

    def until(self, erased_on: date) -> date | None:
        """The last day of the duty, counted from the end of the year of the erasure; None if it has no end."""
        return date(erased_on.year + self.years, 12, 31) if self.years else None

    def expired_before(self, today: date) -> date | None:
        """What ended before this day has no duty any more, today; None if the duty has no end."""
        return date(today.year - self.years, 1, 1) if self.years else None


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    rule: tuple[RetentionRule, ...]


def load_rules() -> tuple[RetentionRule, ...]:
    """Every rule. Raises `ImproperlyConfigured`, naming RETENTION_FILE, if the file is missing or invalid."""
    path = settings.RETENTION_FILE or DEFAULT_FILE
    try:
        return clean(msgspec.convert(tomllib.loads(Path(path).read_text()), _File)).rule
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError, InvalidMessage) as error:
        raise ImproperlyConfigured(f"RETENTION_FILE: {path}: {error}") from error


def rules_about(about: Collection[str]) -> list[RetentionRule]:
    """The rules about these topics."""
    return [rule for rule in load_rules() if rule.about in about]
