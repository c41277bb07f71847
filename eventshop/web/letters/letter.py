"""A letter as a value, and its two forms: plain text and HTML, which say the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext

from eventshop.web.shared.customer_port import Preferences, current_adapter


class Action(NamedTuple):
    """What the reader can do about it. `url` is absolute."""

    label: str
    url: str


class Letter(NamedTuple):
    """A letter: paragraphs, then rows of a table (the last column are amounts), facts, an action, and why it came.

    All values are plain text. A paragraph may have several lines.
    """

    subject: str
    paragraphs: Sequence[str]
    rows: Sequence[Sequence[str]] = ()
    facts: Sequence[tuple[str, str]] = ()
    action: Action | None = None
    after: Sequence[str] = ()
    #: Why the reader gets it, below the line; with a marketing letter, how to get no more.
    because: str = ""
    unsubscribe_url: str = ""
    #: Of its texts, as a language tag; empty: that of the shop.
    language: str = ""


@contextmanager
def written_for(preferences: Preferences) -> Iterator[None]:
    """Give texts, dates and numbers in a person's language and time zone, within the block."""
    with translation.override(preferences.language), timezone.override(ZoneInfo(preferences.time_zone)):
        yield


@contextmanager
def written_to(person: UUID) -> Iterator[None]:
    """`written_for` the preferences of a person."""
    with written_for(current_adapter().preferences_of(person)):
        yield


def site_url(path: str) -> str:
    """The absolute URL of a path on this site, for e-mails: from `SITE_URL`, never from the request's `Host`."""
    return f"{settings.SITE_URL}{path}"


def letter_of_text(text: str) -> Letter:
    """A letter of a rendered text: its first line is the subject, a paragraph that is a URL is the action.

    Further URLs stay in their paragraphs.
    """
    subject, _, body = text.partition("\n")
    paragraphs = [" ".join(part.split("\n")) for part in body.strip().split("\n\n") if part.strip()]
    at = next((number for number, part in enumerate(paragraphs) if part.startswith(("http://", "https://"))), None)
    if at is None:
        return Letter(subject.strip(), paragraphs)
    action = Action(gettext("Open the page"), paragraphs[at])
    return Letter(subject.strip(), paragraphs[:at], action=action, after=paragraphs[at + 1 :])


def render_text(letter: Letter) -> str:
    """The letter as plain text, for programs and people that read no HTML."""
    return _render("letters/letter.txt", letter).strip() + "\n"


def render_html(letter: Letter) -> str:
    """The letter as one HTML document without scripts, pictures or anything that is loaded."""
    return _render("letters/letter.html", letter)


def _render(template: str, letter: Letter) -> str:
    with translation.override(letter.language or settings.LANGUAGE_CODE):
        return render_to_string(template, {"letter": letter, "organisation": settings.ORGANISATION})
