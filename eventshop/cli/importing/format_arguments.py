"""The options of a command that say how a file is read."""

from __future__ import annotations

import codecs
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from typing import Any

from eventshop.cli.importing.file_format import FileLayout, FormatOptions


def add_format_arguments(parser: ArgumentParser, layout: FileLayout) -> None:
    def columns(value: str) -> dict[str, str]:
        pairs = [pair.partition("=") for pair in value.split(",")]
        for name, _, header in pairs:
            if name not in layout.columns or not header:
                known = ", ".join(layout.columns)
                raise ArgumentTypeError(f"{name!r} must be one of {known}, with the header's name: {known[:9]}=…")
        return {name: header for name, _, header in pairs}

    parser.add_argument("--encoding", type=_encoding, help="Default: UTF-8, or the byte order mark's.")
    parser.add_argument("--delimiter", type=_character, help="Default: the header's. A tab: '\\t'.")
    parser.add_argument("--decimal", choices=(".", ","), help="The decimal mark. Default: found out.")
    parser.add_argument("--dates", metavar="FORMAT", help="Such as '%%m/%%d/%%Y %%H:%%M'.")
    parser.add_argument(
        "--columns",
        metavar="NAME=HEADER,...",
        type=columns,
        default={},
        help=f"Names that the file's header has for {', '.join(layout.columns)}.",
    )


def format_options(options: Mapping[str, Any]) -> FormatOptions:
    """What the options of a command say of the format."""
    return FormatOptions(**{name: value for name in FormatOptions.__struct_fields__ if (value := options.get(name))})


def _encoding(value: str) -> str:
    try:
        "".encode(value)  # as codecs.lookup, but refuses what is no encoding of texts, such as base64
        return codecs.lookup(value).name
    except (LookupError, UnicodeError):
        raise ArgumentTypeError(f"{value!r} is no encoding that Python knows, such as utf-8 or cp1252") from None


def _character(value: str) -> str:
    character = "\t" if value == "\\t" else value
    if len(character) != 1 or not character.isascii():
        raise ArgumentTypeError(f"{value!r} must be one ASCII character, or \\t for a tab")
    return character
