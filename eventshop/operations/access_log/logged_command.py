"""The base of management commands that show events, states or rows: each run is recorded before it shows anything."""

from __future__ import annotations

from time import monotonic
from typing import Any, ClassVar, Final
from uuid import UUID

from django.core.management.base import CommandError
from django.db import DatabaseError

from eventshop.operations.access_log.batch import PendingAccess
from eventshop.operations.access_log.recorder import describe_filters, parse_stream
from eventshop.operations.access_log.writer import write_batch
from eventshop.operations.models import AccessRecord
from eventshop.operations.staff_actors import command_line_actor
from eventshop.runtime.management_command import ManagementCommand

#: Options of every command; they select nothing.
_COMMON: Final = frozenset(
    {"verbosity", "settings", "pythonpath", "traceback", "no_color", "force_color", "skip_checks", "stdout", "stderr"}
)


class LoggedCommand(ManagementCommand):
    """A command that shows data of this kind. Without a record, which the database must accept, it shows nothing."""

    access: ClassVar[AccessRecord.Kind]

    def execute(self, *args: Any, **options: Any) -> Any:
        selection = {
            name: value for name, value in options.items() if name not in _COMMON and value not in (None, False)
        }
        streams = [stream for value in selection.values() if (stream := _stream_in(value))]
        try:
            write_batch(
                [
                    PendingAccess(
                        read_at_s=monotonic(),
                        actor=command_line_actor(),
                        door=AccessRecord.Door.COMMAND_LINE,
                        kind=self.access,
                        route=type(self).__module__.rpartition(".")[2],
                        stream=streams[0] if streams else None,
                        filters=describe_filters((name, [value]) for name, value in selection.items()),
                    )
                ]
            )
        except DatabaseError as error:
            raise CommandError(f"The access log cannot be written, so nothing is shown: {error}") from error
        return super().execute(*args, **options)


def _stream_in(value: object) -> UUID | None:
    return value if isinstance(value, UUID) else parse_stream(value)
