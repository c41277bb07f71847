"""Old names of commands go on working: they print one line and run the command under its new name."""

from __future__ import annotations

from typing import Any, ClassVar

from eventshop.runtime.management_command import ManagementCommand


class RenamedCommand(ManagementCommand):
    """The first base class of the `Command` of an old name; the second is the command itself."""

    new_name: ClassVar[str]

    def handle(self, *args: Any, **options: Any) -> None:
        old_name = type(self).__module__.rpartition(".")[2]
        self.stderr.write(f"{old_name} is the old name of {self.new_name}.", self.style.WARNING)
        super().handle(*args, **options)
