"""PostgreSQL on a loopback port, with its data in the stack's folder."""

from __future__ import annotations

import secrets
import shutil
import signal
import tempfile
from pathlib import Path

import psycopg
from psycopg import sql

from deploy.postgres import (
    INITDB_OPTIONS,
    NAME,
    NOT_DURABLE,
    PostgresUnavailable,
    bin_dir,
    binaries_for,
    restrict_to,
    run_program,
    server_user,
)
from deploy.stack.errors import StackError, StackUnavailable
from deploy.stack.folder import DataFolder
from deploy.stack.ports import HOST, port_of, require_free
from deploy.stack.processes import Process, wait_until_ready


class PostgresServer:
    """One PostgreSQL server; role and database are both named `eventshop`, the password is in the data folder."""

    def __init__(self, folder: DataFolder, *, durable: bool = True) -> None:
        self.folder = folder
        self.durable = durable
        # Fast shutdown first; after a time-out an immediate one.
        self.process = Process("postgres", folder, stop_with=(signal.SIGINT, signal.SIGQUIT), kill_with=signal.SIGQUIT)
        self.processes = [self.process]

    @property
    def port(self) -> int:
        return port_of(self.folder, "postgres")

    @property
    def password(self) -> str:
        return str(self.folder.get_or_create("postgres_password", lambda: secrets.token_urlsafe(24)))

    def env(self) -> dict[str, str]:
        """Settings that connect a program to the server."""
        return {"DATABASE_URL": f"postgres://{NAME}:{self.password}@{HOST}:{self.port}/{NAME}"}

    def start(self) -> None:
        """Start the server if it is not running, and wait until the database exists."""
        if self.process.pid is None:
            require_free(self.folder, "postgres", self.port)
            try:
                self._start_process()
            except PostgresUnavailable as error:
                raise StackError(f"PostgreSQL: {error}") from error
        wait_until_ready(self.processes, self.is_ready)
        self._ensure_database()

    def is_ready(self) -> bool:
        """Whether the server accepts connections with our password."""
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _start_process(self) -> None:
        try:
            binaries, user = bin_dir(), server_user()
        except PostgresUnavailable as error:
            raise StackUnavailable(f"PostgreSQL: {error}") from error
        home = self.folder.subfolder("postgres")
        restrict_to(home, user)
        if user:
            binaries = binaries_for(user, binaries, home)
        data = home / "data"
        if not (data / "PG_VERSION").exists():
            self._init_data(binaries, user, home=home)
        self.process.start([binaries / "postgres", "-D", data, *self._options()], user=user)

    def _init_data(self, binaries: Path, user: str | None, *, home: Path) -> None:
        new = home / "data.new"  # Renamed at the end: initdb may be killed half-way.
        shutil.rmtree(new, ignore_errors=True)
        with tempfile.NamedTemporaryFile("w", dir=home, suffix=".password") as file:
            file.write(self.password)
            file.flush()
            restrict_to(Path(file.name), user)
            login = ["--auth=scram-sha-256", f"--pwfile={file.name}"]
            try:
                run_program([binaries / "initdb", "-D", new, "-U", NAME, *login, *INITDB_OPTIONS], user)
            except PostgresUnavailable as error:
                hint = f" (the server runs as {user}, which must have access to {home})" if user else ""
                raise StackError(f"PostgreSQL: {error}{hint}") from error
        new.rename(home / "data")

    def _options(self) -> list[str]:
        settings = [
            f"listen_addresses={HOST}",
            f"port={self.port}",
            "unix_socket_directories=",
            "max_connections=200",
            # Its log quotes neither the row that it refuses (DETAIL) nor the statement (docs/logging.md).
            "log_error_verbosity=terse",
            "log_min_error_statement=panic",
            *(() if self.durable else NOT_DURABLE),
        ]
        return [part for setting in settings for part in ("-c", setting)]

    def _ensure_database(self) -> None:
        with self._connect() as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(NAME)))

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=HOST,
            port=self.port,
            user=NAME,
            password=self.password,
            dbname="postgres",
            connect_timeout=30,
            autocommit=True,
        )
