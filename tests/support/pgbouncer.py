"""A PgBouncer in transaction mode in front of the test's database; Debian has the package `pgbouncer`."""

from __future__ import annotations

import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from django.db import connection

from deploy.postgres import server_user
from tests.conftest import missing
from tests.support.waiting import wait_until
from tests.support.web_server import free_port

#: Server connections: fewer than the clients, so that they change hands all the time.
POOL_SIZE: Final = 3
PROGRAMS: Final = ("pgbouncer", "/usr/sbin/pgbouncer")


@contextmanager
def transaction_pooler() -> Iterator[str]:
    """Run PgBouncer and yield the DATABASE_URL that leads through it. Without the program the test is skipped."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        missing("no pgbouncer: install the Debian package pgbouncer")
        raise AssertionError
    # Not below the test's folder, which only its owner may enter: PgBouncer refuses to run as root.
    with tempfile.TemporaryDirectory(prefix="eventshop-pgbouncer-") as name:
        folder, port = Path(name), free_port()
        user = server_user()
        _write_configuration(folder, port, user)
        process = subprocess.Popen(
            [program, "--quiet", str(folder / "pgbouncer.ini")],
            user=user,
            group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=[] if user else None,
            cwd="/",
            stdout=subprocess.DEVNULL,
        )
        log = folder / "log"
        try:
            wait_until(
                lambda: process.poll() is not None or (log.exists() and "process up" in log.read_text()), seen=log
            )
            assert process.poll() is None, log.read_text() if log.exists() else "PgBouncer wrote no log"
            server = connection.settings_dict
            yield f"postgres://{server['USER']}@127.0.0.1:{port}/{server['NAME']}"
        finally:
            process.kill()
            process.wait()


def _is_up(log: Path) -> bool:
    return log.exists() and "process up" in log.read_text()


def _write_configuration(folder: Path, port: int, user: str | None) -> None:
    server = connection.settings_dict
    (folder / "users").write_text(f'"{server["USER"]}" "{server["PASSWORD"]}"\n')
    (folder / "pgbouncer.ini").write_text(
        f"""
[databases]
{server["NAME"]} = host={server["HOST"]} port={server["PORT"] or 5432} dbname={server["NAME"]}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {POOL_SIZE}
max_client_conn = 200
logfile = {folder}/log
"""
    )
    for path in (folder, *folder.iterdir()):
        if user:
            shutil.chown(path, user)
