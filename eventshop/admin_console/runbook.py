"""Entries of docs/runbook.md for pages of the console: the part of Markdown that the runbook uses, as HTML."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Final

from django.conf import settings
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify

RUNBOOK: Final = Path(settings.BASE_DIR) / "docs" / "runbook.md"

_INLINE: Final = (
    (re.compile(r"`([^`]+)`"), r"<code>\1</code>"),
    (re.compile(r"\*\*([^*]+)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"\*([^*]+)\*"), r"<em>\1</em>"),
    (re.compile(r"\[([^\]]+)\]\([^)]*\)"), r"\1"),
)
_CODE: Final = re.compile(r"```\w*\n(.*?)```", re.DOTALL)


def runbook_entry(slug: str) -> SafeString:
    """The entry under the heading with this slug as HTML; empty if there is none, as where docs/ is not installed."""
    return mark_safe(_to_html(_entries().get(slug, "")))  # noqa: S308  (of the program's own file, and escaped)


def runbook_slugs() -> set[str]:
    return set(_entries())


@lru_cache(maxsize=1)
def _entries() -> dict[str, str]:
    if not RUNBOOK.is_file():
        return {}
    sections = re.split(r"^## ", RUNBOOK.read_text(), flags=re.MULTILINE)[1:]
    return {slugify(title): body for title, _, body in (section.partition("\n") for section in sections)}


def _to_html(text: str) -> str:
    parts = _CODE.split(escape(text).replace("\r", ""))
    return "".join(_paragraphs(part) if number % 2 == 0 else _code(part) for number, part in enumerate(parts))


def _paragraphs(text: str) -> str:
    blocks = re.split(r"\n\n|\n(?=\*\*)", text)
    blocks = [block for block in blocks if block.strip() and not block.lstrip().startswith(("Alerts:", "|"))]
    return "".join(f"<p>{_inline(block.strip())}</p>" for block in blocks)


def _code(text: str) -> str:
    return f'<pre class="es-pre" tabindex="0" aria-label="Commands">{text.strip()}</pre>'


def _inline(text: str) -> str:
    for pattern, replacement in _INLINE:
        text = pattern.sub(replacement, text)
    return text
