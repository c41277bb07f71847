"""Ports: what a package needs from a package above it, which it may not import.

A package declares a port next to the code that uses it. The package that implements it binds the implementation in
its `eventshop_plugin.py`. A port without an implementation stops the program at its start.
"""

from __future__ import annotations

import sys
from typing import Any, Final, Generic, NamedTuple, TypeVar

from eventshop.core.errors import RegistryError

T = TypeVar("T")

#: Every port that was declared, by name.
declared_ports: Final[dict[str, Port[Any]]] = {}


class Port(Generic[T]):
    """A named place for one implementation of type `T`, usually a callable or a protocol.

    Raises `RegistryError` for a second port of the same name.
    """

    def __init__(self, name: str) -> None:
        if name in declared_ports:
            raise RegistryError(f"Two ports are named {name!r}; give one of them another name", port=name)
        self.name: Final = name
        self.declared_at: Final = _declaring_line()
        self._implementation: T | None = None
        declared_ports[name] = self

    def bind(self, implementation: T) -> Binding:
        """Pair the port with an implementation, for the `bindings` of a plug-in."""
        return Binding(self, implementation)

    def provide(self, implementation: T) -> None:
        """Use this implementation from now on. Plug-ins do this; tests may replace an implementation."""
        self._implementation = implementation

    @property
    def is_bound(self) -> bool:
        return self._implementation is not None

    def get(self) -> T:
        """The implementation. Raises `RegistryError` while there is none."""
        if self._implementation is None:
            raise RegistryError(
                f"Nothing implements the port {self.name!r}; name an implementation in the bindings of a plug-in",
                port=self.name,
            )
        return self._implementation


class Binding(NamedTuple):
    """A port and the implementation that a plug-in gives it."""

    port: Port[Any]
    implementation: Any

    def connect(self) -> None:
        """Use this implementation from now on."""
        self.port.provide(self.implementation)


def _declaring_line() -> str:
    """`file:line` of the code that makes a port: the first frame outside of this module and of `typing`."""
    frame = sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__") in (__name__, "typing"):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
