"""The data folder: the files of all servers, and values kept between starts (ports, passwords)."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from deploy.stack.errors import StackError


class DataFolder:
    """A data folder. Its state file contains passwords, so only its user can read it."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    def subfolder(self, name: str) -> Path:
        """Return a subfolder; creates it where missing."""
        folder = self.path / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def get_value(self, name: str) -> Any:
        """Return a stored value; None if there is none."""
        return self._load_state().get(name)

    def get_or_create(self, name: str, make: Callable[[], Any]) -> Any:
        """Return a stored value; the first time, create it with `make` and store it."""
        value = self.get_value(name)
        if value is None:
            value = make()
            self.set_value(name, value)
        return value

    def set_value(self, name: str, value: Any) -> None:
        """Store a value for the next start."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_private_file(self.state_file, json.dumps(self._load_state() | {name: value}, indent=2) + "\n")

    @property
    def state_file(self) -> Path:
        return self.path / "stack.json"

    def _load_state(self) -> dict[str, Any]:
        try:
            state: dict[str, Any] = json.loads(self.state_file.read_text())
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise StackError(f"{self.state_file} is not valid JSON: {error}") from None
        return state

    @contextlib.contextmanager
    def hold_lock(self) -> Iterator[None]:
        """Lock the folder against other launchers. The lock ends with the process; raises StackError if it is held."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StackError(
                    f"another `up` or `down` is running in {self.path}; wait until it has finished"
                ) from None
            yield


def write_private_file(path: Path, text: str) -> None:
    """Write a file that only its user can read, atomically."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    scratch.replace(path)
