"""Compressed files are recognised by their first bytes, whatever their name; what is no single table is refused."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from eventshop.cli.importing import compressed_files
from eventshop.cli.importing.compressed_files import open_data_file
from eventshop.cli.importing.errors import UnreadableFile

TABLE = b"sku,quantity\na,1\n"


def zipped(*names: str, content: bytes = TABLE) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return file.getvalue()


def read(path: Path) -> bytes:
    with open_data_file(path) as file:
        return file.read()


# The cases have names: gzip and zip hold the time, and each process of a parallel run must collect the same tests.
@pytest.mark.parametrize(
    "content",
    [TABLE, gzip.compress(TABLE), lzma.compress(TABLE), zipped("folder/", "folder/a")],
    ids=["plain", "gzip", "xz", "zip"],
)
def test_a_file_reads_the_same_however_it_is_compressed(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "sales.data"
    path.write_bytes(content)
    assert read(path) == TABLE


def test_an_archive_of_several_files_is_refused_by_their_names(tmp_path: Path) -> None:
    path = tmp_path / "sales.zip"
    path.write_bytes(zipped("december.csv", "january.csv"))
    with pytest.raises(UnreadableFile, match=r"sales\.zip: .*december\.csv, january\.csv"):
        read(path)
    path.write_bytes(zipped())
    with pytest.raises(UnreadableFile, match="one file, not 0"):
        read(path)


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress, lambda content: zipped("a", content=content)])
def test_an_archive_that_grows_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compress: Callable[[bytes], bytes]
) -> None:
    monkeypatch.setattr(compressed_files, "FREE_BYTES", 1024**2)
    path = tmp_path / "bomb"
    path.write_bytes(compress(b"\0" * 20 * 1024**2))
    with pytest.raises(UnreadableFile, match=r"grows beyond .* MB"), open_data_file(path) as file:
        while file.read(64 * 1024):
            pass


@pytest.mark.parametrize(
    "content",
    [zipped("a")[:-30], gzip.compress(TABLE)[:-5], lzma.compress(TABLE)[:-5]],
    ids=["zip", "gzip", "xz"],
)
def test_damaged_data_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "sales"
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match="damaged"):
        read(path)


def test_an_unknown_compression_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "sales.bz2"
    path.write_bytes(bz2.compress(TABLE))
    assert read(path) == path.read_bytes()
