"""The files of the image on a read-only file system: what the containers do there, they can do."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from typing import Final

import pytest
import yaml

from tests.conftest import missing
from tests.support.processes import ROOT

#: Runs once, in the PostgreSQL session; it needs no database of the session.
pytestmark = pytest.mark.postgres

#: As compose.yaml: only /tmp, in memory, and the folder of the volume can be written to.
ISOLATE: Final = """
mount --make-rprivate /
mount --bind "$APP" /srv
mount --bind "$STATE" /mnt
case "$PREFIX" in /tmp/*) mount --bind "$PREFIX" /media ;; esac
mount -t tmpfs tmpfs /tmp
case "$PREFIX" in /tmp/*)
    mkdir -p "$PREFIX" && mount --bind /media "$PREFIX" && mount -o remount,bind,ro "$PREFIX" ;;
esac
mount -o remount,bind,ro /srv
mount -o remount,bind,ro /
cd /srv
exec "$@"
"""
SIGN_UP: Final = """
from uuid import uuid4
from users.application.accounts import person_of, sign_up
for name in ("Ada", "Bob"):
    email, password = f"zz-{name}@example.org", "correct horse"
    print(person_of(sign_up(form_id=uuid4(), email=email, name=f"Zz-{name}", password=password)))
"""
BEGIN_ERASURE: Final = """
from uuid import UUID
from django.utils import timezone
from eventshop.eventstore.command_dispatcher import send
from eventshop.privacy.erasure import erasure_job
from users.domain.commands import BeginErasure, RequestErasure
person, now = UUID("{person}"), timezone.now()
send(RequestErasure(person, at=now, due_at=now))
send(BeginErasure(person, at=now))
erasure_job.start_erasure(person)
"""
PRINT_NAMES: Final = """
from uuid import UUID
from users.application.customer_adapter import load_person
for person in ("{ada}", "{bob}"):
    print(load_person(UUID(person)).events[0].event.name)
"""


class Container:
    """Runs `manage.py` on the files of the image, of which none can be changed."""

    def __init__(self, app: Path, state: Path) -> None:
        self.app, self.state = app, state
        self.unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
        self.environment = {
            "PATH": os.environ["PATH"],
            "ENV_FILE": "",
            "SECRET_KEY": "k" * 50,
            "KEY_ENCRYPTION_KEY": b64encode(b"1" * 32).decode(),
            "KEY_CACHE_SECONDS": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "CELERY_BROKER_URL": "memory://",
            "STATIC_ROOT": "/srv/staticfiles",
            "DATABASE_URL": "sqlite:////mnt/shop.sqlite3",
            "ERASURE_LIST": "/mnt/erased.txt",
            "HOME": "/tmp",
            "APP": str(app),
            "STATE": str(state),
            "PREFIX": sys.prefix,  # in /tmp if the checkout is
        }

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.unshare, "sh", "-ec", ISOLATE, "sh", *arguments],
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def manage(self, *arguments: str, **environment: str) -> str:
        """The output of a command that must succeed."""
        done = self.run(sys.executable, "manage.py", *arguments, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def shell(self, code: str, **environment: str) -> list[str]:
        """The last two lines that the code prints."""
        return self.manage("shell", "--verbosity", "0", "--command", code, **environment).splitlines()[-2:]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `COPY . .` copies, and what the build makes of it."""
    app = tmp_path_factory.mktemp("image") / "app"
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    patterns = [line.removeprefix("**/") for line in ignored]
    top_level = shutil.ignore_patterns(*[line for line in patterns if "/" not in line])
    anywhere = shutil.ignore_patterns(".*")  # nor what Python has compiled here: the build would do it again
    shutil.copytree(
        ROOT, app, ignore=lambda at, names: top_level(at, names) if Path(at) == ROOT else anywhere(at, names)
    )
    build = {"SECRET_KEY": "k" * 50, "DATABASE_URL": "postgres://nobody@localhost/none"}
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"],
        cwd=app,
        env={
            "PATH": os.environ["PATH"],
            "ENV_FILE": "",
            "CELERY_BROKER_URL": "memory://",
            "STATIC_ROOT": str(app / "staticfiles"),
            **build,
        },
        check=True,
    )
    subprocess.run([sys.executable, "-m", "compileall", "-q", "."], cwd=app, check=True)
    return app


@pytest.fixture(scope="module")
def migrated(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A volume with the database as `migrate` makes it in the container."""
    state = tmp_path_factory.mktemp("state")
    container = Container(image, state)
    done = container.run("true")
    if done.returncode:
        missing(f"no read-only file system can be mounted here: {done.stderr.strip()}")
    container.manage("migrate", "--verbosity", "0")
    return state


@pytest.fixture
def container(image: Path, migrated: Path, tmp_path: Path) -> Container:
    """A container with a volume of its own, migrated."""
    shutil.copytree(migrated, tmp_path, dirs_exist_ok=True)
    return Container(image, tmp_path)


def test_nothing_but_the_volume_and_memory_can_be_written_to(container: Container) -> None:
    for place in ("/srv/new", "/srv/eventshop/new", "/etc/new", str(Path(sys.prefix) / "new")):
        assert container.run("touch", place).returncode, place
    for place in ("/tmp/new", "/mnt/new"):
        assert container.run("touch", place).returncode == 0, place


def test_a_person_is_erased_and_keys_are_rotated(container: Container) -> None:
    ada, bob = container.shell(SIGN_UP)
    container.manage("shell", "--command", BEGIN_ERASURE.format(person=ada))
    assert container.manage("erase", ada) == f"{ada}: erased"
    assert ada in (container.state / "erased.txt").read_text()

    first, second = container.environment["KEY_ENCRYPTION_KEY"], b64encode(b"2" * 32).decode()
    assert "keys rewrapped" in container.manage(
        "rotate_keys", KEY_ENCRYPTION_KEY=second, FORMER_KEY_ENCRYPTION_KEYS=first
    )
    erased, kept = container.shell(PRINT_NAMES.format(ada=ada, bob=bob), KEY_ENCRYPTION_KEY=second)
    assert (kept, erased != "Zz-Ada") == ("Zz-Bob", True)


@pytest.mark.parametrize(
    "keys_url",
    ["", pytest.param("sqlite:////mnt/keys.sqlite3", marks=pytest.mark.long)],
    ids=["keys", "keys-database"],
)
def test_a_backup_is_taken_and_restored(container: Container, keys_url: str) -> None:
    """The keys are kept apart; who is erased after the backup stays erased."""
    container.environment["KEYS_DATABASE_URL"] = keys_url
    if keys_url:
        container.manage("migrate", "--database", "keys", "--verbosity", "0")
    ada, bob = container.shell(SIGN_UP)
    container.manage("backup", "/mnt/backup", "--keys", "/mnt/backup-keys")
    container.manage("shell", "--command", BEGIN_ERASURE.format(person=ada))
    container.manage("erase", ada)
    for file in container.state.glob("*.sqlite3"):
        file.unlink()

    assert f"to be erased again: {ada}" in container.manage(
        "restore", "/mnt/backup", "--keys", "/mnt/backup-keys", "--dry-run"
    )
    container.manage("restore", "/mnt/backup", "--keys", "/mnt/backup-keys")
    erased, kept = container.shell(PRINT_NAMES.format(ada=ada, bob=bob))
    assert (kept, erased != "Zz-Ada") == ("Zz-Bob", True)


def test_a_full_disk_leaves_nothing_of_a_backup(container: Container) -> None:
    fill = 'mount -t tmpfs -o size=200k tmpfs /home; "$@" || status=$?; ls -A /home; exit $status'
    done = container.run("sh", "-c", fill, "sh", sys.executable, "manage.py", "backup", "/home/backup")
    assert done.returncode == 1
    assert "full" in done.stderr
    assert "backup" not in done.stdout


def test_retention_and_the_list_of_erasures_work_there_too(container: Container) -> None:
    assert "remove-old-requests" in container.manage("delete_old_rows")
    container.manage("replay_erasures")


def test_the_command_of_web_loads_the_program(container: Container) -> None:
    command = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["web"]["command"]
    done = container.run(sys.executable, "-m", *shlex.split(command), "--check-config")
    assert done.returncode == 0, done.stderr
