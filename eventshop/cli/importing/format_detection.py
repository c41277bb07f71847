"""Finds out the format of a file as far as the options do not give it. What stays unclear is refused, not guessed."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from charset_normalizer import from_bytes
from msgspec.structs import replace

from eventshop.cli.importing.csv_rows import is_wide, quote_cell, read_lines, split_cells
from eventshop.cli.importing.errors import BrokenRow, UnclearFormat, WrongHeader
from eventshop.cli.importing.file_format import FileFormat, FileLayout, FormatOptions

DELIMITERS: Final = ",;\t|"
#: Enough text for a guess at its encoding.
SAMPLE_LINES: Final = 2_000
_WIDE_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MARKED_NUMBER: Final = re.compile(r"[+-]?\d+([.,])(\d+)", re.ASCII)
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d([ T])\d\d:\d\d(:\d\d)?", re.ASCII)
_NUMERIC: Final = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d\d) \d{1,2}:\d\d(:\d\d)?", re.ASCII)


def find_format(path: Path, layout: FileLayout, options: FormatOptions) -> FileFormat:
    """The format of a file. Raises `UnreadableFile`, `WrongHeader`, and `UnclearFormat` with the option to use."""
    encoding = options.encoding or _marked_encoding(path)
    line_encoding = "utf-8" if is_wide(encoding) else encoding
    _, header_line = next(read_lines(path, encoding))
    delimiter, quote = _find_delimiter(path, header_line, options.delimiter)
    try:
        header = split_cells(header_line, encoding=line_encoding, delimiter=delimiter, quote=quote)
    except BrokenRow as error:
        raise WrongHeader(f"{path}:1: the header cannot be read: {error}", file=str(path)) from error
    positions = _find_columns(path, layout, header, options)
    found = FileFormat(
        layout,
        header=tuple(header),
        positions=positions,
        encoding=line_encoding,
        delimiter=delimiter,
        quote=quote,
        file_encoding=encoding,
        reordered=positions != tuple(range(len(header))),
    )
    return replace(
        found,
        decimal=options.decimal or _find_decimal_mark(path, found),
        dates=options.dates or (_find_date_format(path, found) if layout.time else found.dates),
    )


def suggest_encoding(path: Path) -> str:
    """The encoding that the lines with other characters than ASCII look like; empty if they look like none."""
    other = b"\n".join(islice((line for _, line in read_lines(path) if not line.isascii()), SAMPLE_LINES))
    matches = from_bytes(other)
    names = [name for match in matches for name in (match.encoding, *match.could_be_from_charset)]
    return "cp1252" if "cp1252" in names else next(iter(names), "")


def _marked_encoding(path: Path) -> str:
    _, start = next(read_lines(path))
    return next((encoding for mark, encoding in _WIDE_MARKS if start.startswith(mark)), "utf-8")


def _find_delimiter(path: Path, header: bytes, given: str) -> tuple[str, str]:
    """The delimiter and the quotes of the header, whose names contain neither."""
    text = header.decode("latin-1")  # every byte is a character; delimiters and quotes are ASCII
    try:
        dialect = csv.Sniffer().sniff(text, given or DELIMITERS)
    except csv.Error:
        if given:
            return given, '"'
        raise WrongHeader(
            f"{path}:1: the first line must be a header with its names separated by one of comma, semicolon, tab "
            f"or |, not {quote_cell(text)}; give another separator with --delimiter",
            file=str(path),
        ) from None
    return given or dialect.delimiter, dialect.quotechar or '"'


def _find_columns(path: Path, layout: FileLayout, header: list[str], options: FormatOptions) -> tuple[int, ...]:
    names = [name.strip() for name in header]
    plain = [_plain(name) for name in names]
    positions: list[int] = []
    for column in layout.columns:
        if given := options.columns.get(column):
            found = [index for index, name in enumerate(names) if name == given]
        else:
            wanted = {_plain(column), *(name for name, known in layout.aliases.items() if known == column)}
            found = [index for index, name in enumerate(plain) if name in wanted]
        if len(found) != 1:
            problem = f"{'no' if not found else 'more than one'} column {given or column}"
            raise WrongHeader(
                f"{path}:1: the header must name {','.join(layout.columns)}, but has {problem}: "
                f"{quote_cell(','.join(header))}; say which column it is with --columns {column}=NAME",
                file=str(path),
                found=",".join(header)[:200],
            )
        positions += found
    return tuple(positions)


def _find_decimal_mark(path: Path, found: FileFormat) -> str:
    """The mark of the first number that leaves no doubt: `1,234` may be a thousand or a little more than one."""
    unclear = ""
    columns = [found.layout.columns.index(name) for name in found.layout.decimals]
    for cells in _rows(path, found):
        for column in columns:
            if match := _MARKED_NUMBER.fullmatch(cells[column].strip()):
                mark, decimals = match.groups()
                if len(decimals) != 3:
                    return mark
                unclear = unclear if mark == "." else cells[column]
    if unclear:
        raise UnclearFormat(
            f"{path}: {unclear} may have three decimals or stand for thousands; use --decimal , if the comma is the "
            "decimal mark, or remove the commas",
            file=str(path),
        )
    return "."


def _find_date_format(path: Path, found: FileFormat) -> str:
    """The format of the first date that has one; which number is the month is decided by the whole file."""
    column = found.layout.columns.index(found.layout.time)
    cells = (row[column].strip() for row in _rows(path, found))
    for cell in cells:
        if match := _ISO.fullmatch(cell):
            return f"%Y-%m-%d{match[1]}%H:%M{':%S' if match[2] else ''}"
        if match := _NUMERIC.fullmatch(cell):
            separator, year = match[2], "%Y" if len(match[4]) == 4 else "%y"
            time = f"%H:%M{':%S' if match[5] else ''}"
            numbers = (match for match in map(_NUMERIC.fullmatch, [cell, *cells]) if match)
            order = _find_order(path, cell, separator, numbers)
            return f"{separator.join((*order, year))} {time}"
    return found.dates


def _find_order(path: Path, example: str, separator: str, dates: Iterable[re.Match[str]]) -> tuple[str, str]:
    if separator == ".":
        return "%d", "%m"  # only written so
    largest = [0, 0]
    for match in dates:
        largest = [max(largest[0], int(match[1])), max(largest[1], int(match[3]))]
    first_is_day, second_is_day = largest[0] > 12, largest[1] > 12
    if first_is_day == second_is_day:
        problem = "some have the day first and some the month" if first_is_day else "every day is at most 12"
        raise UnclearFormat(
            f"{path}: dates like {example} may have the day or the month first: {problem}; use --dates "
            f"'%m{separator}%d{separator}%Y %H:%M' (month first) or --dates '%d{separator}%m{separator}%Y %H:%M'",
            file=str(path),
        )
    return ("%d", "%m") if first_is_day else ("%m", "%d")


def _rows(path: Path, found: FileFormat) -> Iterator[list[str]]:
    """The rows that can be read; the others are refused later, each with its line."""
    for _, line in islice(read_lines(path, found.file_encoding), 1, None):
        try:
            yield found.cells(line)
        except BrokenRow:
            continue


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
