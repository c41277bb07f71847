"""Reads a CSV file, plain or gzip, line by line: one line is one row, and every error has a line number."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, cast

from eventshop.cli.importing.errors import BrokenRow, UnreadableFile, WrongHeader

#: Above every valid row, which has a few texts of at most 200 characters of 4 bytes.
MAX_LINE_BYTES: Final = 16 * 1024


def read_data_lines(path: Path, header: str) -> Iterator[tuple[int, bytes]]:
    """Each line after the header with its number. Raises `WrongHeader` and, also without any row, `UnreadableFile`."""
    number = 1
    for number, line in _read_lines(path):
        if number == 1:
            _check_header(path, line, header)
        else:
            yield number, line
    if number == 1:
        raise UnreadableFile(f"{path}: the file has no row after the header", file=str(path))


def parse_cells(line: bytes) -> list[str]:
    """The cells of a line. Raises `BrokenRow`."""
    if len(line) >= MAX_LINE_BYTES:
        raise BrokenRow(f"the line is longer than {MAX_LINE_BYTES} bytes")
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise BrokenRow(f"byte {error.start + 1} of the line is not UTF-8") from error
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        raise BrokenRow(f"malformed quotes: {error}") from error


def quote_cell(cell: str) -> str:
    """A cell in quotes for an error text, shortened to 50 characters."""
    return repr(cell if len(cell) <= 50 else f"{cell[:50]}…")


def _read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Each physical line with its number: cells of these formats contain no line break, so one line is one row."""
    number = 0
    try:
        with _open(path) as file:
            while line := file.readline(MAX_LINE_BYTES):
                number += 1
                yield number, line.rstrip(b"\r\n")
                while not line.endswith(b"\n") and (line := file.readline(MAX_LINE_BYTES)):
                    pass
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableFile(
            f"{path}: the gzip data is damaged after line {number}: {error}", file=str(path)
        ) from error
    except OSError as error:
        raise UnreadableFile(f"{path}: {error.strerror or error}", file=str(path)) from error
    if not number:
        raise UnreadableFile(f"{path}: the file is empty", file=str(path))


def _open(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _check_header(path: Path, line: bytes, header: str) -> None:
    if line != header.encode():
        header_line = line[:200].decode("utf-8", "replace")
        raise WrongHeader(
            f"{path}:1: the header must be {header}, not {header_line!r}", file=str(path), found=header_line
        )
