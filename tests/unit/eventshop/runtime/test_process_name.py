"""No two processes have the same name, not even in containers with the same host name and process id."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from eventshop.runtime.process_name import process_name

#: A process whose host name and process id are those of every other such process, as in two containers.
CONTAINER = """
import os, socket
socket.gethostname, os.getpid = lambda: "shop", lambda: 1
from eventshop.runtime.process_name import process_name
print(process_name())
"""


def test_an_operator_finds_the_process_by_its_name() -> None:
    assert process_name().startswith(f"{socket.gethostname()}:{os.getpid()}:")


def test_the_name_is_fixed_for_the_life_of_the_process() -> None:
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(lambda _: process_name(), range(100))) == {process_name()}


def test_two_containers_with_the_same_host_name_and_process_id_have_different_names() -> None:
    names = [
        subprocess.run([sys.executable, "-c", CONTAINER], capture_output=True, text=True, check=True).stdout.strip()
        for _ in range(2)
    ]
    assert all(name.startswith("shop:1:") for name in names)
    assert names[0] != names[1]


def test_a_forked_process_gets_a_name_of_its_own() -> None:
    # In a process of its own: forking one that runs threads is not safe.
    program = """
import os
from eventshop.runtime.process_name import process_name
before = process_name()
reader, writer = os.pipe()
if os.fork() == 0:
    os.write(writer, process_name().encode())
    os._exit(0)
os.wait()
child = os.read(reader, 500).decode()
assert process_name() == before
print(before.rpartition(":")[2], child.rpartition(":")[2])
"""
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    parent_token, child_token = output.split()
    assert parent_token != child_token
