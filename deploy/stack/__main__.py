"""`python -m deploy.stack`: the whole system on this machine, as in production. See docs/running.md."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from deploy.local import ROOT, StartError
from deploy.process_group import discard_stdout, handle_stop_signals, is_stdout_open, raise_interrupt
from deploy.stack.errors import StackError, WrongUse
from deploy.stack.folder import DataFolder
from deploy.stack.logs import tail_logs
from deploy.stack.system import System

#: The exit status of argparse, too.
WRONG_USE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run PostgreSQL, Kafka, Redis and EventShop on this machine.

    Exit status: 0 done (`status`: all parts are up), 1 failed (`status`: some part is down), 2 wrong use.
    """
    options = _argument_parser().parse_args(arguments)
    try:
        system = System(DataFolder(options.dir), options)
    except (StackError, StartError) as error:
        return _fail(error, WRONG_USE)
    try:
        return int(options.action(system, options))
    except WrongUse as error:
        return _fail(error, WRONG_USE)
    except (StackError, StartError) as error:
        return _fail(error, 1)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # The reader has gone (`| head`); `up --foreground` has stopped everything.
        discard_stdout()
        return 0


def _fail(error: Exception, status: int) -> int:
    Console(stderr=True).print(f"[bold red]{escape(str(error))}[/]", highlight=False, soft_wrap=True)
    return status


def up(system: System, options: argparse.Namespace) -> int:
    """Start the parts that are not running, and wait until they are ready."""
    if not options.foreground:
        with system.folder.hold_lock():
            system.up(services_only=options.services_only)
        return 0
    handle_stop_signals(raise_interrupt)
    try:
        with system.folder.hold_lock():
            system.up(services_only=options.services_only)
        for line in tail_logs(system.logs([]), first=0, until=lambda: system.is_down() or not is_stdout_open()):
            print(line, flush=True)
        return 0
    except KeyboardInterrupt:
        return 0
    finally:
        handle_stop_signals(signal.SIG_IGN)  # A second Ctrl-C must not interrupt the shutdown.
        down(system, options)


def down(system: System, options: argparse.Namespace) -> int:
    """Stop everything; the data is kept."""
    with system.folder.hold_lock():
        stopped = system.down()
    print(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was running.")
    return 0


def status(system: System, options: argparse.Namespace) -> int:
    """Show the state and address of each part; exit status 0 if all are up, 1 if some part is down."""
    parts = system.status()
    if options.json:
        print(json.dumps([part._asdict() for part in parts], indent=2))
    else:
        system.print_status(parts)
    return 0 if all(part.is_up for part in parts) else 1


def reload(system: System, options: argparse.Namespace) -> int:
    """Replace EventShop's programs by those of the present code, without refusing a request."""
    with system.folder.hold_lock():
        system.reload()
    return 0


def env(system: System, options: argparse.Namespace) -> int:
    """Print `export` lines that connect a command to the stack: eval "$(python -m deploy.stack env)"."""
    for name, value in system.env().items():
        print(f"export {name}={shlex.quote(value)}")
    if system.is_down():
        print("The stack is not running. Start it with: python -m deploy.stack up", file=sys.stderr)
    return 0


def logs(system: System, options: argparse.Namespace) -> int:
    """Print the last lines of the logs."""
    follow = (lambda: False) if options.follow else None
    for line in tail_logs(system.logs(options.parts), until=follow):
        print(line, flush=True)
    return 0


def _argument_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.stack", description=main.__doc__)
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument(
        "--dir",
        type=Path,
        default=Path(os.environ.get("STACK_DIR") or ROOT / "var" / "stack"),
        help="data folder (STACK_DIR, default var/stack)",
    )
    where.add_argument("--brokers", type=int, default=_int_setting("BROKERS"), help="1 or 3 Kafka brokers (BROKERS)")
    where.add_argument(
        "--workers", type=int, default=_int_setting("WORKERS"), help="number of workers (WORKERS, default 2)"
    )
    where.add_argument("--port", default=os.environ.get("PORT"), help="port of the web server (PORT, default 8000)")
    actions = parser.add_subparsers(required=True, metavar="up|reload|down|status|env|logs")
    for action in (up, reload, down, status, env, logs):
        name = action.__name__
        one = actions.add_parser(name, help=action.__doc__, description=action.__doc__, parents=[where])
        one.set_defaults(action=action)
        if action is up:
            one.add_argument("--services-only", action="store_true", help="start PostgreSQL, Kafka and Redis only")
            one.add_argument("--foreground", action="store_true", help="show the logs; Ctrl-C stops everything")
        if action is status:
            one.add_argument("--json", action="store_true", help="for scripts: a list of the parts")
        if action is logs:
            one.add_argument("parts", nargs="*", metavar="PART", help="names as in `status`; default: all")
            one.add_argument("-f", "--follow", action="store_true", help="follow the logs until Ctrl-C")
    return parser


def _int_setting(name: str) -> int | None:
    text = os.environ.get(name) or None
    if text is not None and not text.isdecimal():
        print(f"{name} must be a number, not {text!r}", file=sys.stderr)
        sys.exit(WRONG_USE)
    return None if text is None else int(text)


if __name__ == "__main__":
    sys.exit(main())
