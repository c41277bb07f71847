"""Folders that appear whole or not at all: written under another name, and renamed at the end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

from eventshop.operations.backup.errors import BackupFailed


@contextmanager
def new_folders(*targets: Path) -> Iterator[list[Path]]:
    """Yield a new, private folder for each target; at the end of the block they get their names, the first one last.

    After an error, or where a target is there already, none of them exists. Raises `BackupFailed`.
    """
    for target in targets:
        if os.path.lexists(target):
            raise BackupFailed(f"{target} is there already: a backup needs a new folder")
    with ExitStack() as stack:
        partial = [_create(target, stack) for target in targets]
        try:
            yield partial
            for folder, target in reversed(list(zip(partial, targets, strict=True))):
                _sync(folder)
                folder.rename(target)
                stack.callback(shutil.rmtree, target, ignore_errors=True)
                _sync(target.parent, files=False)
        except OSError as error:
            raise BackupFailed(f"{error.filename or targets[0]}: {error.strerror}; nothing was kept") from error
        stack.pop_all()


@contextmanager
def private_files() -> Iterator[None]:
    """Files that this process and its children create in the block can be read by their owner only."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _create(target: Path, stack: ExitStack) -> Path:
    folder = target.with_name(f".{target.name}.{uuid4().hex[:8]}.partial")
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise BackupFailed(f"{target} cannot be created: {target.parent}: {error.strerror}") from error
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _sync(folder: Path, *, files: bool = True) -> None:
    """Have the disk confirm a folder, and what is in it."""
    for path in [*(folder.iterdir() if files else ()), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
