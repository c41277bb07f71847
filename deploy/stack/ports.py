"""Ports on the loopback address: free ones, chosen once and remembered in the data folder."""

from __future__ import annotations

import random
import socket

from deploy.stack.errors import StackError
from deploy.stack.folder import DataFolder

HOST = "127.0.0.1"
#: Below the ports that systems give to outgoing connections: one of those could take the port of a server that is
#: down for a moment.
PORT_RANGE = range(20_000, 32_000)


def port_of(folder: DataFolder, name: str) -> int:
    """Return the port of a server: the one it had before, or a free one that it keeps from now on."""
    taken = set((folder.get_value("ports") or {}).values())
    if name in (folder.get_value("ports") or {}):
        return int(folder.get_value("ports")[name])
    port = next(port for port in _shuffle_ports() if port not in taken and is_free(port))
    folder.set_value("ports", (folder.get_value("ports") or {}) | {name: port})
    return port


def _shuffle_ports() -> list[int]:
    # At random: two stacks that start at the same moment shall not look at the same ports.
    return random.SystemRandom().sample(PORT_RANGE, len(PORT_RANGE))


def is_free(port: int) -> bool:
    """Tell whether a server could listen on a port."""
    with socket.socket() as probe:
        # As servers do it: connections of an earlier run that still linger do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def require_free(folder: DataFolder, name: str, port: int) -> None:
    """Refuse a port that another program listens on, before anything slow has begun."""
    if not is_free(port):
        raise StackError(
            f"port {port} of {name} is in use by another program. Stop that program, or take `ports` out of "
            f"{folder.state_file} and new ones are chosen"
        )


def accepts_connections(port: int) -> bool:
    """Tell whether somebody accepts connections on a port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
