"""Text that people read and write: which characters it may hold, and in which form it is kept.

The rules are those of the FreeformClass of RFC 8264 (PRECIS) with the needs of emoji added: a character that nobody can
see, or that changes the order in which others are shown, makes two different texts look the same.
"""

from __future__ import annotations

import re
from typing import Final
from unicodedata import category, is_normalized, name, normalize

from msgspec import Struct

from eventshop.core.errors import InvalidMessage

#: Letters and marks without a shape (property Default_Ignorable_Code_Point): a name of one of them looks empty.
_SHAPELESS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
#: Zero-width joiner and non-joiner: needed inside emoji and in Persian and Indic words, meaningless elsewhere.
_JOINERS: Final = frozenset("\u200c\u200d")
#: Symbols that look like a space.
_BLANK_SYMBOLS: Final = frozenset("\u2800")
#: Unassigned characters of these blocks are reserved for emoji (UTS 51); newer devices write them already.
_FUTURE_EMOJI: Final = range(0x1F000, 0x1FB00)
#: `ada@example.org`, also within other words; not `5@10.50`, `BTC@venue` or `MUG @ HOME`.
_EMAIL_ADDRESS: Final = re.compile(r"[^\s@]@(?:[\w-]+\.)+[^\W\d_]{2}")


class TextRule(Struct, frozen=True):
    """What a command accepts in a text field; a mark: `Annotated[str, Meta(...), TextRule(visible=True)]`.

    `visible`: at least one character that can be seen. `word`: at least one letter or digit, unless it is empty.
    `verbatim`: neither trimmed nor normalised, because another system compares it character by character.
    """

    visible: bool = False
    word: bool = False
    several_lines: bool = False
    verbatim: bool = False


#: A text that may be empty.
ANY_TEXT: Final = TextRule()
#: A text that must not be empty.
VISIBLE_TEXT: Final = TextRule(visible=True)
#: The name of a person or thing.
NAME: Final = TextRule(visible=True, word=True)
#: Several lines, such as an address.
LINES: Final = TextRule(several_lines=True)


def clean_text(text: str, rule: TextRule) -> str:
    """Return the text trimmed and in Unicode normalisation form C; raises `InvalidMessage` for what `rule` refuses."""
    if text.isascii() and text.isprintable() and text[:1].isalnum() and text[-1] != " ":
        return text  # fast path for nearly every text
    if not rule.verbatim:
        text = text.strip()
        if not is_normalized("NFC", text):
            text = normalize("NFC", text)
    if not (text.isascii() and text.isprintable()):
        _refuse_characters(text, rule)
    if rule.visible and not any(map(_is_visible, text)):
        raise InvalidMessage("must contain at least one visible character")
    if rule.word and text and not any(map(str.isalnum, text)):
        raise InvalidMessage("must contain at least one letter or digit")
    return text


def refuse_email_address(text: str) -> None:
    """Raise `InvalidMessage` if there is an e-mail address in a text that is stored in clear."""
    if "@" in text and _EMAIL_ADDRESS.search(text):
        raise InvalidMessage("must not contain an e-mail address, because it is stored without encryption")


def _refuse_characters(text: str, rule: TextRule) -> None:
    for index, character in enumerate(text):
        if _is_accepted(text, index, character) or (character == "\n" and rule.several_lines):
            continue
        title = name(character, "control character" if category(character) == "Cc" else "no character")
        raise InvalidMessage(f"must not contain U+{ord(character):04X} ({title.lower()})")


def _is_accepted(text: str, index: int, character: str) -> bool:
    if character.isprintable():
        return character not in _SHAPELESS
    if character in _JOINERS:
        return 0 < index < len(text) - 1 and _can_join(text[index - 1]) and _can_join(text[index + 1])
    return category(character) == "Zs" or ord(character) in _FUTURE_EMOJI


def _can_join(character: str) -> bool:
    return category(character)[0] in "LMS"


def _is_visible(character: str) -> bool:
    is_shown = category(character)[0] in "LNPS" or ord(character) in _FUTURE_EMOJI
    return is_shown and character not in _BLANK_SYMBOLS
