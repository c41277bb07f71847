"""Dumps the PostgreSQL database of the settings to a file, and replaces it by a dump in one transaction."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final, cast

from django.db import connection

from eventshop.operations.backup.errors import RestoreFailed
from eventshop.operations.backup.key_file import ErasedLine, KeyLine, KeySet
from eventshop.operations.backup.postgres_programs import (
    connection_environment,
    find_programs,
    last_lines,
    run_program,
)
from eventshop.privacy.models import ErasedPerson, PersonalKey

#: Everything in the schema of the store, whatever it is; what belongs to an extension stays.
_EMPTY_SCHEMA: Final = """
BEGIN;
SET LOCAL lock_timeout = '10s';
DO $empty$
DECLARE
    statement text;
BEGIN
    FOREACH statement IN ARRAY ARRAY(
        SELECT format(
            'DROP %s IF EXISTS %I.%I CASCADE',
            CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
                WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END,
            current_schema(), relname
        )
        FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
            AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')
        ORDER BY relkind = 'S'  -- most sequences go with their tables
    ) || ARRAY(
        SELECT format(
            'DROP ROUTINE IF EXISTS %I.%I(%s) CASCADE',
            current_schema(), proname, pg_get_function_identity_arguments(oid)
        )
        FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
            AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
    ) LOOP
        EXECUTE statement;
    END LOOP;
END $empty$;
"""
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def dump_database(programs: Path, snapshot: str, target: Path, watch: Callable[[], None]) -> None:
    """Write everything but the keys of personal data, as of a snapshot. Raises `BackupFailed`."""
    keys = [f"--exclude-table-data={model._meta.db_table}" for model in (PersonalKey, ErasedPerson)]
    command: list[str | Path] = [programs / "pg_dump", "--format=custom", f"--snapshot={snapshot}"]
    command += ["--no-owner", "--no-privileges", "--no-password", f"--schema={_schema()}", *keys, f"--file={target}"]
    run_program(command, watch)


def load_database(dump: Path, *, keys: KeySet | None, finish: Iterable[str]) -> None:
    """Replace the database by a dump, add keys, and run further statements: all of it or nothing.

    `keys` are those of a database that holds its own keys. Raises `RestoreFailed`.
    """
    programs, schema = find_programs(), _schema()
    connection.close()
    with _running_psql(programs / "psql") as script:
        script.write(_EMPTY_SCHEMA.encode())
        _copy_script([programs / "pg_restore", "--file=-", "--no-owner", f"--schema={schema}", dump], script)
        script.write(f'SET LOCAL search_path TO "{schema}";\n'.encode())
        script.writelines(line.encode() for line in (*_copy_keys(keys), *(f"{sql};\n" for sql in finish)))
        script.write(b"COMMIT;\n")


def _schema() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        [schema] = cursor.fetchone()
    return str(schema)


@contextmanager
def _running_psql(psql: Path) -> Iterator[IO[bytes]]:
    """Yield the input of psql, which ends at its first error. What is not committed when the block fails is undone."""
    options = ["--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1"]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [psql, *options],
            env=connection_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        script = cast(IO[bytes], process.stdin)
        try:
            yield script
            script.close()
        except BrokenPipeError:
            pass  # it has ended, and has said why
        except BaseException:
            process.kill()  # at the end of its input it would do the same, but might still be reading
            raise
        finally:
            with suppress(BrokenPipeError):
                script.close()
            status = process.wait()
        if status:
            said.seek(0)
            raise RestoreFailed(f"psql failed: {last_lines(said.read())}")


def _copy_script(command: list[str | Path], script: IO[bytes]) -> None:
    """Write the output of pg_restore to psql. Raises `RestoreFailed` before anything can be committed."""
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=said)
        output = cast(IO[bytes], process.stdout)
        try:
            shutil.copyfileobj(output, script, 1 << 20)
            if process.wait():
                said.seek(0)
                raise RestoreFailed(f"pg_restore failed: {last_lines(said.read())}")
        finally:
            output.close()
            if process.poll() is None:
                process.kill()
            process.wait()


def _copy_keys(keys: KeySet | None) -> Iterator[str]:
    if keys is None:
        return
    yield f"COPY {PersonalKey._meta.db_table} ({', '.join(KeyLine.__struct_fields__)}) FROM stdin;\n"
    yield from map(_key_row, keys.keys.values())
    yield "\\.\n"
    yield f"COPY {ErasedPerson._meta.db_table} (subject, erased_at) FROM stdin;\n"
    yield from map(_erased_row, keys.erased.values())
    yield "\\.\n"


def _key_row(line: KeyLine) -> str:
    purpose, wrapped_by = line.purpose.translate(_ESCAPES), line.wrapped_by.translate(_ESCAPES)
    made_at, wrapped = line.made_at.isoformat(), f"\\\\x{line.wrapped.hex()}"
    return f"{line.subject}\t{purpose}\t{wrapped}\t{wrapped_by}\t{made_at}\t{line.generation}\n"


def _erased_row(line: ErasedLine) -> str:
    return f"{line.subject}\t{line.erased_at.isoformat()}\n"
