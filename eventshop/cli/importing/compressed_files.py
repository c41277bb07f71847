"""Opens a file to import: plain, or compressed with gzip, xz or zip, which its first bytes tell. Bombs are refused."""

from __future__ import annotations

import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

from eventshop.cli.importing.errors import UnreadableFile

#: Tables of text shrink to a tenth or twentieth; an archive that grows more than this is no such table.
MAX_RATIO: Final = 200
#: Up to here an archive may grow at any ratio: a small file of equal rows is harmless.
FREE_BYTES: Final = 64 * 1024**2
#: The uncompressed file: thousands of times the largest that was imported.
MAX_BYTES: Final = 64 * 1024**3

#: What reading damaged data raises.
DAMAGED: Final = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile)


@contextmanager
def open_data_file(path: Path) -> Iterator[BinaryIO]:
    """Open the uncompressed bytes; raises `UnreadableFile`, also for what reading finds out inside the block."""
    try:
        with ExitStack() as stack:
            file = stack.enter_context(path.open("rb"))
            source = _decompress(path, file, stack)
            limit = MAX_BYTES if source is file else max(FREE_BYTES, MAX_RATIO * path.stat().st_size)
            yield cast(BinaryIO, io.BufferedReader(_BoundedReader(path, source, min(limit, MAX_BYTES)), 128 * 1024))
    except DAMAGED as error:
        raise _unreadable(path, f"the compressed data is damaged: {error}") from error
    except OSError as error:
        raise _unreadable(path, str(error.strerror or error)) from error


def describe_compression(path: Path) -> str:
    with path.open("rb") as file:
        return _compression(file.read(6)) or "none"


class _BoundedReader(io.RawIOBase):
    """Reads from a file, and refuses it when it turns out to be larger than `limit` bytes."""

    def __init__(self, path: Path, source: io.BufferedIOBase, limit: int) -> None:
        self.path, self.source, self.limit, self.size = path, source, limit, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # narrower than any buffer
        data = self.source.read1(len(buffer))  # what is there: the lines before a damage are read
        buffer[: len(data)] = data
        self.size += len(data)
        if self.size > self.limit:
            raise _unreadable(
                self.path,
                f"it grows beyond {self.limit // 1024**2} MB when it is uncompressed, which no table of text does; "
                "if it is one, uncompress it first and import the result",
            )
        return len(data)


def _compression(start: bytes) -> str:
    if start.startswith(b"\x1f\x8b"):
        return "gzip"
    if start.startswith(b"\xfd7zXZ\x00"):
        return "xz"
    return "zip" if start.startswith((b"PK\x03\x04", b"PK\x05\x06")) else ""


def _decompress(path: Path, file: io.BufferedReader, stack: ExitStack) -> io.BufferedIOBase:
    kind = _compression(file.read(6))
    file.seek(0)
    if kind == "gzip":
        return stack.enter_context(gzip.GzipFile(fileobj=file))
    if kind == "xz":
        return stack.enter_context(lzma.LZMAFile(file))
    return _open_member(path, file, stack) if kind == "zip" else file


def _open_member(path: Path, file: io.BufferedReader, stack: ExitStack) -> io.BufferedIOBase:
    archive = stack.enter_context(zipfile.ZipFile(file))
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) != 1:
        names = ", ".join(member.filename[:60] for member in members[:5]) or "none"
        raise _unreadable(
            path, f"the archive must contain one file, not {len(members)} ({names}); unpack it and import each"
        )
    if members[0].flag_bits & 1:
        raise _unreadable(path, f"{members[0].filename} in the archive is encrypted; unpack it first")
    try:
        return cast(io.BufferedIOBase, stack.enter_context(archive.open(members[0])))
    except NotImplementedError as error:
        raise _unreadable(path, f"{members[0].filename} is compressed in an unknown way; unpack it first") from error


def _unreadable(path: Path, reason: str) -> UnreadableFile:
    return UnreadableFile(f"{path}: {reason}", file=str(path))
