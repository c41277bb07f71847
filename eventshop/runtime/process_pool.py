"""Processes that use the same database and Kafka. This module needs no Django models before Django is set up."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, TypeVar

import django
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections

from eventshop.core.errors import EventShopError

T = TypeVar("T")


class ProcessLost(EventShopError):
    """A process that was started for a part of the work ended before it was done."""

    code = "process-lost"


def parallel_map(function: Callable[..., T], arguments: Iterable[tuple[Any, ...]], processes: int) -> Iterator[T]:
    """Call a module-level function with each tuple of arguments; yield results in the order of completion."""
    # Spawned, not forked: a fork would share this process's connection.
    with ProcessPoolExecutor(processes, get_context("spawn"), _set_up_process, (_surroundings(),)) as pool:
        name = function.__module__, function.__name__
        for future in as_completed([pool.submit(_call_by_name, name, each) for each in arguments]):
            yield future.result()


@contextmanager
def parallel_streams(
    function: Callable[..., Iterator[bytes]], arguments: Sequence[tuple[Any, ...]]
) -> Iterator[list[Iterator[bytes]]]:
    """Run a module-level generator in a process of its own for each tuple of arguments; gives what each yields.

    A process waits until what it has yielded is read, so none is far ahead. Errors are raised where the stream is read;
    so is `ProcessLost`. Afterwards no process is left.
    """
    context, name = get_context("spawn"), (function.__module__, function.__name__)
    started: list[tuple[SpawnProcess, Connection]] = []
    try:
        for each in arguments:
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(target=_send_stream, args=(sender, _surroundings(), name, each), daemon=True)
            process.start()
            sender.close()  # so that the end of the process ends the stream
            started.append((process, receiver))
        yield [_receive_stream(process, receiver) for process, receiver in started]
    finally:
        for process, receiver in started:
            receiver.close()
            process.terminate()
            process.join()


def _receive_stream(process: SpawnProcess, receiver: Connection) -> Iterator[bytes]:
    while True:
        try:
            value = receiver.recv()
        except EOFError:
            process.join()
            raise ProcessLost(pid=process.pid, exit_status=process.exitcode) from None
        if isinstance(value, Exception):
            raise value
        if value is None:
            return
        yield value


def _send_stream(
    sender: Connection, surroundings: tuple[Any, ...], name: tuple[str, str], arguments: tuple[Any, ...]
) -> None:
    """Send what the generator yields, then None; or its error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the reading process, which ends this one
    with suppress(BrokenPipeError):  # the reading process has ended
        try:
            _set_up_process(surroundings)
            for value in _call_by_name(name, arguments):
                sender.send(value)
            sender.send(None)
        except Exception as error:
            sender.send(error)


def _surroundings() -> tuple[Any, ...]:
    """What a process cannot read from its environment when this one has been given other servers."""
    return connection.settings_dict, settings.KAFKA_OPTIONS, settings.KAFKA_MIN_TIMEOUT_S


def _set_up_process(surroundings: tuple[Any, ...]) -> None:
    django.setup()
    connections.settings[DEFAULT_DB_ALIAS] |= surroundings[0]
    settings.KAFKA_OPTIONS, settings.KAFKA_MIN_TIMEOUT_S = surroundings[1:]


def _call_by_name(name: tuple[str, str], arguments: tuple[Any, ...]) -> Any:
    # By name: unpickling the function itself would import its module before Django is set up.
    module, function = name
    return getattr(import_module(module), function)(*arguments)
