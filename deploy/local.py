"""`make run`: EventShop on this machine, with nothing else to install or configure.

Writes `.env` once, migrates, fills an empty database with demo data, and runs the web server, a worker and a payment
gateway until Ctrl-C.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from honcho.environ import parse_procfile
from rich.console import Console
from rich.panel import Panel

from deploy.gateway.server import RECEIVER_PATH
from deploy.process_group import ProcessGroup, handle_stop_signals, raise_interrupt

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
#: A visitor has three minutes to cancel what was paid, and signs in as printed, without a second factor.
DEMO_SETTINGS = {
    "SHIPPING_DELAY_S": "180",
    "STAFF_SECOND_FACTOR": "off",
    "PAYMENT_TEST_CARDS": "on",
    "TEST_CLOCKS": "on",
}
#: E-mails of the demo, one file for each time that a program opened its mailbox.
LETTERS = ROOT / "var" / "letters"
#: The simulators of outside services, by the names of their port and of the setting of their URL.
LOCAL_SERVICES = {"GATEWAY_PORT": "PAYMENT_GATEWAY_URL", "VENUE_PORT": "VENUE_URL"}
#: The test symbols of the venue become instruments.
TEST_SYMBOLS = ["import_instruments", "deploy/venue/instruments.csv", "--reason", "test symbols of the simulated venue"]
#: With faults there is a webhook, to a slow receiver on this machine.
FAULT_SETTINGS = {"WEBHOOKS_TO_PRIVATE": "on"}

#: Commands to run before the programs start, here and on the stack; each is idempotent. They bring an older store up to
#: date: its database, and its topics if there is a Kafka.
PREPARE_COMMANDS = (
    ["migrate", "--verbosity", "0"],
    ["create_topics"],
    ["seed_demo"],
    ["ensure_staff"],
    ["ensure_roles"],
    ["ensure_demo_customer"],
)


class StartError(Exception):
    """EventShop cannot be started; the message says why and what to do."""


def parse_port(text: str) -> int:
    """Return the port to listen on; raises `StartError` if it is not a port number."""
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise StartError(f"PORT must be a number from 1 to 65535, not {text!r}.")
    return int(text)


def require_port_free(port: int) -> None:
    """Raise `StartError` if the port cannot be bound, before any slow step."""
    with socket.socket() as probe:
        # As the server does: lingering connections of an earlier run do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError:
            raise StartError(f"This user may not bind port {port}. Try: make run PORT=8000") from None
        except OSError:
            other = port + 1 if port < 65535 else 8001
            raise StartError(
                f"Port {port} is already in use. Stop the program that uses it, or try: make run PORT={other}"
            ) from None


def ensure_env(path: Path) -> dict[str, str]:
    """Add missing random keys and a STAFF_PASSWORD to the file; return all its settings."""
    text = path.read_text() if path.exists() else ""
    settings = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    random = [
        ("SECRET_KEY", secrets.token_urlsafe(50)),
        ("STAFF_PASSWORD", secrets.token_urlsafe(12)),
        ("PAYMENT_GATEWAY_SECRET", new_gateway_secret()),
        ("VENUE_SECRET", new_gateway_secret()),
    ]
    if "SECRET_KEY" not in settings:
        # Only for a new file: data encrypted without this key would become unreadable.
        random.append(("KEY_ENCRYPTION_KEY", b64encode(secrets.token_bytes(32)).decode()))
        random.append(("ROOT_SIGNING_KEY", b64encode(secrets.token_bytes(32)).decode()))
    else:
        # The key that has signed the roots of an old file until now; SECRET_KEY stands in the same file.
        seed = sha256(b"eventshop: root signing key\n" + settings["SECRET_KEY"].encode()).digest()
        random.append(("ROOT_SIGNING_KEY", b64encode(seed).decode()))
    added = {name: value for name, value in random if name not in settings}
    if added:
        if text and not text.endswith("\n"):
            text += "\n"
        heading = "" if text else "# Written by `make run` for this machine. Do not commit.\n"
        lines = "".join(f"{name}={value}\n" for name, value in added.items())
        # Created with mode 0600, so that no other user can ever read it.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(heading + text + lines)
        path.chmod(0o600)
    return settings | added


def keep_files_private(folder: Path) -> None:
    """Let no other user of the machine read what EventShop keeps in a folder, and what its programs will write."""
    os.umask(0o077)
    folder.mkdir(exist_ok=True)
    folder.chmod(0o700)


def new_gateway_secret() -> str:
    """Return a random secret in the format of Standard Webhooks."""
    return f"whsec_{b64encode(secrets.token_bytes(32)).decode()}"


def local_service_settings(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of a local payment gateway and a local venue; empty for those whose URL is set."""
    found = dict[str, str]()
    for port_name, url_name in LOCAL_SERVICES.items():
        if not settings.get(url_name):
            with socket.socket() as probe:
                probe.bind((HOST, 0))
                port = probe.getsockname()[1]
            found |= {port_name: str(port), url_name: f"http://{HOST}:{port}"}
    return found


def letters_url(folder: Path) -> str:
    """The EMAIL_URL that writes e-mails to files in a folder."""
    return f"filemail:///{folder}"


def prepare_commands(environment: Mapping[str, str]) -> list[list[str]]:
    """The commands to run first; the embedded event log has no topics. `FAULTS=off`: a demo without any."""
    has_kafka = environment.get("EVENT_LOG_URL", "").startswith("kafka")
    commands = [command for command in PREPARE_COMMANDS if has_kafka or command != ["create_topics"]]
    if has_faults(environment):
        commands[commands.index(["seed_demo"])] = ["seed_demo", "--with-faults"]
    if "VENUE_PORT" in environment:
        commands.append(TEST_SYMBOLS)
    if has_faults(environment) and "GATEWAY_PORT" in environment:
        commands.append(["ensure_demo_webhook", f"http://{HOST}:{environment['GATEWAY_PORT']}{RECEIVER_PATH}"])
    return commands


def has_faults(environment: Mapping[str, str]) -> bool:
    """Whether the demo gives the console something to look at, which makes health degraded."""
    return environment.get("FAULTS", "on") != "off"


def prepare_database(environment: Mapping[str, str]) -> None:
    """Migrate the database, create topics, add demo data if it is empty, and create the staff account."""
    for command in prepare_commands(environment):
        result = subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, env=environment, check=False)
        if result.returncode:
            raise StartError(
                f"`manage.py {command[0]}` failed (exit status {result.returncode}); see its output above."
            )


def run_programs(environment: dict[str, str]) -> int:
    """Run the programs of the Procfile until one exits or Ctrl-C; return the exit status."""
    programs = parse_procfile((ROOT / "Procfile").read_text()).processes
    for port_name in LOCAL_SERVICES:
        if port_name not in environment:
            del programs[port_name.removesuffix("_PORT").lower()]
    return ProcessGroup(programs, env=environment, cwd=ROOT).run()


def main() -> int:
    """Start EventShop; return the exit status."""
    console = Console()
    handle_stop_signals(raise_interrupt)
    try:
        port = parse_port(os.environ.get("PORT") or "8000")
        require_port_free(port)
        keep_files_private(ROOT / "var")
        settings = ensure_env(ROOT / ".env")
        environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "PORT": str(port),
            "PYTHONUNBUFFERED": "1",
        }
        own = {"SITE_URL": f"http://{HOST}:{port}", "EMAIL_URL": letters_url(LETTERS)}
        environment = own | DEMO_SETTINGS | settings | environment
        if has_faults(environment):
            environment = FAULT_SETTINGS | environment
        environment |= local_service_settings(environment)
        prepare_database(environment)
    except StartError as error:
        Console(stderr=True).print(f"[bold red]{error}[/]", highlight=False)
        return 1
    except KeyboardInterrupt:
        return 0
    password = os.environ.get("STAFF_PASSWORD") or settings["STAFF_PASSWORD"]
    address = f"http://{HOST}:{port}/"
    gateway = environment["PAYMENT_GATEWAY_URL"]
    letters = f"e-mails are files in  {LETTERS}\n" if environment["EMAIL_URL"] == letters_url(LETTERS) else ""
    console.print(
        Panel.fit(
            f"[bold]EventShop[/]  {address}\nsign in as  [bold]staff[/]  with password  [bold]{password}[/]\n"
            "or as  [bold]demo@example.org[/]  with the same password: a customer with orders and trades\n"
            f"payment gateway  {gateway}  (no real money: its page lists the test cards)\n"
            f"venue  {environment['VENUE_URL']}  (simulated: its page lists the test symbols)\n"
            f"{letters}[dim]Ctrl-C stops it; the data stays in var/[/]",
        ),
        highlight=False,
    )
    return run_programs(environment)


if __name__ == "__main__":
    sys.exit(main())
