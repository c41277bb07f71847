"""The data folder stores values between starts, readable by its user only."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.stack.errors import StackError
from deploy.stack.folder import DataFolder
from deploy.stack.kafka import KafkaCluster
from deploy.stack.ports import HOST, accepts_connections, is_free, port_of, require_free


def test_what_is_remembered_is_there_the_next_time_and_private(tmp_path: Path) -> None:
    first = DataFolder(tmp_path / "new").get_or_create("password", lambda: "made")
    again = DataFolder(tmp_path / "new")
    assert (first, again.get_or_create("password", lambda: "made anew")) == ("made", "made")
    assert again.state_file.stat().st_mode & 0o777 == 0o600


def test_looking_leaves_no_folder_behind(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "new")
    assert folder.get_value("ports") is None
    assert not folder.path.exists()


def test_a_damaged_memory_is_named(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text("{")
    with pytest.raises(StackError, match=r"stack\.json"):
        DataFolder(tmp_path).get_value("ports")


def test_two_launchers_do_not_work_on_one_folder(tmp_path: Path) -> None:
    with DataFolder(tmp_path).hold_lock():
        with pytest.raises(StackError, match=r"`up`.*`down`"), DataFolder(tmp_path).hold_lock():
            pass
        other = "from deploy.stack.folder import DataFolder; from pathlib import Path; import sys\n"
        other += "with DataFolder(Path(sys.argv[1])).hold_lock(): pass"
        done = subprocess.run([sys.executable, "-c", other, str(tmp_path)], capture_output=True, check=False)
        assert done.returncode == 1
    with DataFolder(tmp_path).hold_lock():
        pass


def test_a_server_keeps_its_port(tmp_path: Path) -> None:
    ports = [port_of(DataFolder(tmp_path), name) for name in ("a", "b", "a", "b")]
    assert ports[:2] == ports[2:]
    assert ports[0] != ports[1]
    assert all(20_000 <= port < 32_000 and is_free(port) for port in ports)


def test_a_port_that_another_program_took_is_refused_by_name(tmp_path: Path) -> None:
    port = port_of(DataFolder(tmp_path), "redis")
    with socket.socket() as other:
        other.bind((HOST, port))
        other.listen()
        assert accepts_connections(port)
        with pytest.raises(StackError, match=rf"\b{port}\b.*\bredis\b"):
            require_free(DataFolder(tmp_path), "redis", port)
    assert not accepts_connections(port)


def test_a_folder_of_one_broker_is_not_opened_with_three(tmp_path: Path) -> None:
    DataFolder(tmp_path).set_value("brokers", 1)
    with pytest.raises(StackError, match="BROKERS=1"):
        KafkaCluster(DataFolder(tmp_path), brokers=3)


def test_one_or_three_brokers(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"\b1\b.*\b3\b.*\b2\b"):
        KafkaCluster(DataFolder(tmp_path), brokers=2)
