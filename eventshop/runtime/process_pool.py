"""A pool of processes that use the same database. This module needs no Django models before Django is set up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib import import_module
from multiprocessing import get_context
from typing import Any, TypeVar

import django
from django.db import DEFAULT_DB_ALIAS, connection, connections

T = TypeVar("T")


def parallel_map(function: Callable[..., T], arguments: Iterable[tuple[Any, ...]], processes: int) -> Iterator[T]:
    """Call a module-level function with each tuple of arguments; yield results in the order of completion."""
    # Spawned, not forked: a fork would share this process's connection.
    with ProcessPoolExecutor(processes, get_context("spawn"), _set_up_process, (connection.settings_dict,)) as pool:
        name = function.__module__, function.__name__
        for future in as_completed([pool.submit(_call_by_name, name, each) for each in arguments]):
            yield future.result()


def _set_up_process(database: dict[str, Any]) -> None:
    django.setup()
    connections.settings[DEFAULT_DB_ALIAS] |= database


def _call_by_name(name: tuple[str, str], arguments: tuple[Any, ...]) -> Any:
    # By name: unpickling the function itself would import its module before Django is set up.
    module, function = name
    return getattr(import_module(module), function)(*arguments)
