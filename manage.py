#!/usr/bin/env python
"""Django's command line for EventShop."""

import os
import sys

#: Exit statuses as a shell reports them: after Ctrl-C, and after the reader closed the pipe (`| head`).
EXIT_INTERRUPTED, EXIT_BROKEN_PIPE = 128 + 2, 128 + 13


def main() -> None:
    """Run the management command named on the command line."""
    if sys.argv[1:2] != ["collectstatic"]:  # whose files another user may serve
        os.umask(0o077)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eventshop.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import Error

    try:
        execute_from_command_line(sys.argv)
        sys.stdout.flush()
    except Error as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(_describe_database_error(error))
    except ImproperlyConfigured as error:  # a setting or a plug-in file; the message names it
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"manage.py: {error}")
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        # Python flushes stdout again at exit, which would raise a second BrokenPipeError.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_BROKEN_PIPE)


def _describe_database_error(error: Exception) -> str:
    first = (str(error).splitlines() or [type(error).__name__])[0]
    hint = " Has `manage.py migrate` been run?" if "no such table" in first or "does not exist" in first else ""
    return f"manage.py: database error: {first}.{hint}"


if __name__ == "__main__":
    main()
