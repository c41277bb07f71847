"""Processes beside this one, on the same database. Nothing here needs Django's models before it is set up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib import import_module
from multiprocessing import get_context
from typing import Any, TypeVar

import django
from django.db import DEFAULT_DB_ALIAS, connection, connections

T = TypeVar("T")


def each(work: Callable[..., T], pieces: Iterable[tuple[Any, ...]], processes: int) -> Iterator[T]:
    """What a function of a module gives for each piece, in the order in which that is done."""
    # Started afresh: a fork would share this process's connection.
    with ProcessPoolExecutor(processes, get_context("spawn"), _begin, (connection.settings_dict,)) as pool:
        name = work.__module__, work.__name__
        for done in as_completed([pool.submit(_do, name, piece) for piece in pieces]):
            yield done.result()


def _begin(database: dict[str, Any]) -> None:
    django.setup()
    connections.settings[DEFAULT_DB_ALIAS] |= database


def _do(name: tuple[str, str], piece: tuple[Any, ...]) -> Any:
    # By name: unpickling the function itself would import its module before Django is set up.
    module, function = name
    return getattr(import_module(module), function)(*piece)
