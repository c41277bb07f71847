"""Free ports on the loopback address, chosen once and stored in the data folder."""

from __future__ import annotations

import random
import socket

from deploy.stack.errors import StackError
from deploy.stack.folder import DataFolder

HOST = "127.0.0.1"
#: Below the ephemeral port range: an outgoing connection must not take the port of a server that is restarting.
PORT_RANGE = range(20_000, 32_000)


def port_of(folder: DataFolder, name: str) -> int:
    """Return the port of a server: the stored one, or a free one that is then stored."""
    taken = set((folder.get_value("ports") or {}).values())
    if name in (folder.get_value("ports") or {}):
        return int(folder.get_value("ports")[name])
    port = next(port for port in _shuffle_ports() if port not in taken and is_free(port))
    folder.set_value("ports", (folder.get_value("ports") or {}) | {name: port})
    return port


def _shuffle_ports() -> list[int]:
    # Random, so that two stacks that start at the same time try different ports.
    return random.SystemRandom().sample(PORT_RANGE, len(PORT_RANGE))


def is_free(port: int) -> bool:
    """Whether a server could listen on a port."""
    with socket.socket() as probe:
        # As servers do: lingering connections of an earlier run do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def require_free(folder: DataFolder, name: str, port: int) -> None:
    """Raise StackError if another program listens on the port, before any slow step."""
    if not is_free(port):
        raise StackError(
            f"port {port} of {name} is in use by another program. Stop that program, or remove `ports` from "
            f"{folder.state_file} to have new ports chosen"
        )


def accepts_connections(port: int) -> bool:
    """Whether a server accepts connections on a port."""
    with socket.socket() as probe:
        probe.settimeout(10)
        return probe.connect_ex((HOST, port)) == 0
