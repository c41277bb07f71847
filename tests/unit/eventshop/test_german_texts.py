"""The German catalogue: each text of letters is in it with its placeholders, and its compiled form is current."""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.conf import settings

ROOT: Final = Path(settings.BASE_DIR)
FOLDER: Final = ROOT / "locale/de/LC_MESSAGES"
#: The functions that mark or translate a text, by the names under which they are imported.
MARKERS: Final = {"_", "gettext", "gettext_noop", "ngettext"}
PLACEHOLDER: Final = re.compile(r"\{\w+\}|%\(\w+\)s")


def catalogue() -> dict[str, list[str]]:
    """Each text of the compiled catalogue with its translations: several for a text with a plural."""
    with (FOLDER / "django.mo").open("rb") as file:
        compiled: dict[str | tuple[str, int], str] = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    texts: dict[str, list[str]] = {}
    for key, text in compiled.items():
        if key:
            texts.setdefault(key if isinstance(key, str) else key[0], []).append(text)
    return texts


def texts_of_programs() -> Iterator[str]:
    for path in [path for app in ("eventshop", "orders", "trading", "users") for path in (ROOT / app).rglob("*.py")]:
        source = path.read_text()
        if "django.utils.translation" not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            match node:
                case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str() as text), *_]) if name in MARKERS:
                    yield text


def texts_of_templates() -> Iterator[str]:
    for path in [*(ROOT / "templates/emails").glob("*.txt"), *(ROOT / "templates/letters").iterdir()]:
        source = path.read_text()
        yield from re.findall(r'{% translate "(.*?)" %}', source)
        for text in re.findall(r"{% blocktranslate[^%]*%}(.*?){% (?:plural|endblocktranslate) %}", source):
            yield re.sub(r"{{ (\w+) }}", r"%(\1)s", text)


def test_each_text_is_translated_with_the_same_placeholders() -> None:
    german, wanted = catalogue(), {*texts_of_programs(), *texts_of_templates()}
    assert len(wanted) > 100
    assert wanted == german.keys()
    for text, translations in german.items():
        for translation in translations:
            assert translation
            # The number of a plural need not be in its singular.
            assert {*PLACEHOLDER.findall(translation)} <= {*PLACEHOLDER.findall(text), "%(counter)s"}, text


def test_the_compiled_catalogue_holds_what_the_readable_one_says() -> None:
    lines = (FOLDER / "django.po").read_text().splitlines()
    said = {ast.literal_eval(line.partition(" ")[2]) for line in lines if line.startswith("msgstr")} - {""}
    assert said == {text for translations in catalogue().values() for text in translations}
