"""`make run` checks its settings before it starts anything, and keeps the key and the password it has written."""

import os
import socket
import stat
from base64 import b64decode
from pathlib import Path

import environ
import pytest
from django.core.mail import EmailMessage, get_connection

from deploy.local import (
    PREPARE_COMMANDS,
    StartError,
    ensure_env,
    keep_files_private,
    letters_url,
    local_service_settings,
    parse_port,
    prepare_commands,
    require_port_free,
)
from eventshop import env_validators


def test_a_port_in_use_is_named_with_a_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=rf"\b{port}\b.*PORT="):
            require_port_free(port)


@pytest.mark.parametrize("text", ["0", "65536", "-1", "http", "80.5"])
def test_a_port_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(StartError, match=r"\bPORT\b"):
        parse_port(text)


def test_the_env_file_is_written_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    first = ensure_env(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(first["SECRET_KEY"]) >= 50
    assert ensure_env(path) == first


def test_an_own_env_file_is_completed_and_otherwise_left_alone(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# mine\nTIME_ZONE=Europe/Paris")
    ensure_env(path)
    lines = path.read_text().splitlines()
    assert lines[:2] == ["# mine", "TIME_ZONE=Europe/Paris"]
    assert [line.split("=")[0] for line in lines[2:]] == [
        "SECRET_KEY",
        "STAFF_PASSWORD",
        "PAYMENT_GATEWAY_SECRET",
        "VENUE_SECRET",
        "KEY_ENCRYPTION_KEY",
        "ROOT_SIGNING_KEY",
    ]


def test_data_that_was_encrypted_without_a_key_of_its_own_stays_readable(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("SECRET_KEY=old\n")
    assert "KEY_ENCRYPTION_KEY" not in ensure_env(path)


def test_roots_that_were_signed_without_a_key_of_its_own_stay_valid(tmp_path: Path) -> None:
    path, secret = tmp_path / ".env", "only-for-tests-never-for-a-server-0123456789"
    path.write_text(f"SECRET_KEY={secret}\n")
    settings = ensure_env(path)
    assert b64decode(settings["ROOT_SIGNING_KEY"]) == env_validators.derived_signing_key(secret)


def test_a_gateway_and_a_venue_of_this_machine_are_used_unless_others_are_set() -> None:
    found = local_service_settings({})
    assert found["PAYMENT_GATEWAY_URL"] == f"http://127.0.0.1:{found['GATEWAY_PORT']}"
    assert found["VENUE_URL"] == f"http://127.0.0.1:{found['VENUE_PORT']}"
    elsewhere = {"PAYMENT_GATEWAY_URL": "https://pay.example", "VENUE_URL": "https://venue.example"}
    assert local_service_settings(elsewhere) == {}


def test_topics_are_brought_up_to_date_where_there_is_a_kafka() -> None:
    assert ["create_topics"] not in prepare_commands({})
    environment = {"EVENT_LOG_URL": "kafka://127.0.0.1:9092", "FAULTS": "off"}
    assert prepare_commands(environment) == list(PREPARE_COMMANDS)


def test_the_demo_has_faults_unless_told_otherwise() -> None:
    assert ["seed_demo", "--with-faults"] in prepare_commands({})
    assert prepare_commands({"GATEWAY_PORT": "4711"})[-1] == ["ensure_demo_webhook", "http://127.0.0.1:4711/receiver"]
    without = prepare_commands({"FAULTS": "off", "GATEWAY_PORT": "4711"})
    assert ["seed_demo"] in without and without[-1] == ["ensure_demo_customer"]


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    folder, before = tmp_path / "var", os.umask(0o022)
    try:
        keep_files_private(folder)
        (folder / "store.sqlite3").touch()
        keep_files_private(folder)
    finally:
        os.umask(before)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "store.sqlite3")] == [0o700, 0o600]


def test_letters_are_files_of_a_folder(tmp_path: Path) -> None:
    settings = environ.Env.email_url_config(letters_url(tmp_path / "letters"))
    mailbox = get_connection(settings["EMAIL_BACKEND"], file_path=settings["EMAIL_FILE_PATH"])
    EmailMessage("Your order", "It is on its way.", to=["ada@example.org"], connection=mailbox).send()
    [letter] = (tmp_path / "letters").iterdir()
    assert "It is on its way." in letter.read_text()
    assert env_validators.scheme("EMAIL_URL", letters_url(tmp_path), ("filemail",)) == "filemail"
