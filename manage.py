#!/usr/bin/env python
"""Django's command line for EventShop."""

import os
import sys

#: What a shell says of a program that Ctrl-C ended, and of one whose reader has gone away (`| head`).
STOPPED, NO_READER = 128 + 2, 128 + 13


def main() -> None:
    """Run the management command named on the command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eventshop.settings")
    from django.core.management import execute_from_command_line
    from django.db import Error

    try:
        execute_from_command_line(sys.argv)
        sys.stdout.flush()
    except Error as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(_said(error))
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        sys.exit(STOPPED)
    except BrokenPipeError:
        # Python flushes once more as it ends, and would complain then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(NO_READER)


def _said(error: Exception) -> str:
    first = (str(error).splitlines() or [type(error).__name__])[0]
    hint = " Has `manage.py migrate` been run?" if "no such table" in first or "does not exist" in first else ""
    return f"manage.py: the database: {first}.{hint}"


if __name__ == "__main__":
    main()
