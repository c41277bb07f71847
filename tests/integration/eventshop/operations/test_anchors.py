"""Roots are handed to anchors outside: an HTTP endpoint, and a time-stamping authority made with openssl."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from eventshop.core.messages import new_id
from eventshop.eventstore import command_dispatcher
from eventshop.operations.models import PeriodicWork, RootAnchor, SignedRoot
from eventshop.operations.tamper_evidence import anchors
from eventshop.operations.tamper_evidence.anchors import AnchorFailed
from eventshop.operations.tamper_evidence.signed_roots import sign_new_roots, statement_of
from eventshop.operations.tasks import do_periodic_work
from tests.support.tally_aggregate import Open, tallies

pytestmark = pytest.mark.usefixtures("clean_database")

TSA_CONFIG = """
[tsa]
default_tsa = it
[it]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/cert.pem
certs = {folder}/cert.pem
signer_key = {folder}/key.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
[extensions]
extendedKeyUsage = critical,timeStamping
keyUsage = critical,digitalSignature
basicConstraints = CA:TRUE
[req]
distinguished_name = name
[name]
"""


def sign_root() -> SignedRoot:
    command_dispatcher.send(Open(tally_id=new_id(), name="x"), registry=tallies)
    return sign_new_roots()[-1]


@contextmanager
def served(answer: Callable[[bytes], tuple[int, bytes]]) -> Iterator[str]:
    """An HTTP server that answers each body; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, body = answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"//127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture
def authority(tmp_path: Path) -> Callable[[bytes], tuple[int, bytes]]:
    """A time-stamping authority with a certificate of its own; `cert.pem` in the test's folder."""
    config = tmp_path / "tsa.cnf"
    config.write_text(TSA_CONFIG.format(folder=tmp_path))
    (tmp_path / "serial").write_text("01\n")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-subj", "/CN=tsa")
    openssl(
        *("req", "-x509", "-key", key, "-out", certificate, "-subj", "/CN=tsa", "-days", 2),
        *("-config", config, "-extensions", "extensions"),
    )

    def answer(query: bytes) -> tuple[int, bytes]:
        (tmp_path / "query").write_bytes(query)
        openssl("ts", "-reply", "-config", config, "-queryfile", tmp_path / "query", "-out", tmp_path / "reply")
        return 200, (tmp_path / "reply").read_bytes()

    return answer


def test_an_authority_stamps_the_statement_and_openssl_verifies_the_token(
    settings: Any, tmp_path: Path, authority: Callable[[bytes], tuple[int, bytes]]
) -> None:
    sign_root()
    newest = sign_root()
    with served(authority) as address:
        settings.ROOT_ANCHORS = [f"tsa+http:{address}"]
        assert anchors.anchor_roots() == 1
        assert anchors.anchor_roots() == 0
    [anchor] = RootAnchor.objects.all()
    assert anchor.number == newest.number == 2
    (tmp_path / "token").write_bytes(bytes(anchor.answer))
    (tmp_path / "statement").write_bytes(statement_of(newest))
    openssl(
        *("ts", "-verify", "-in", tmp_path / "token", "-data", tmp_path / "statement"),
        *("-CAfile", tmp_path / "cert.pem"),
    )


def test_a_token_for_another_statement_is_refused(
    settings: Any, authority: Callable[[bytes], tuple[int, bytes]]
) -> None:
    sign_root()
    first: list[tuple[int, bytes]] = []

    def repeat(query: bytes) -> tuple[int, bytes]:
        first.append(first[0] if first else authority(query))
        return first[0]

    with served(repeat) as address:
        settings.ROOT_ANCHORS = [f"tsa+http:{address}"]
        anchors.anchor_roots()
        sign_root()
        with pytest.raises(AnchorFailed, match="other data"):
            anchors.anchor_roots()
    assert RootAnchor.objects.count() == 1


def test_an_endpoint_gets_the_statement_and_one_that_fails_keeps_no_other_back(settings: Any) -> None:
    root, bodies = sign_root(), list[dict[str, Any]]()

    def take(body: bytes) -> tuple[int, bytes]:
        bodies.append(json.loads(body))
        return 201, b"kept"

    with served(take) as good, served(lambda body: (500, b"")) as bad:
        settings.ROOT_ANCHORS = [f"http:{bad}", f"http:{good}"]
        with pytest.raises(AnchorFailed, match="500"):
            anchors.anchor_roots()
        do_periodic_work()
        job = PeriodicWork.objects.get(name="sign-roots")
        assert job.failed and "500" in job.said
    assert [body["statement"] for body in bodies] == [statement_of(root).decode()]
    assert [bytes(anchor.answer) for anchor in RootAnchor.objects.all()] == [b"kept"]


def test_passwords_of_an_anchor_are_not_stored() -> None:
    assert anchors.public_name("https://me:secret@archive.example/roots") == "https://archive.example/roots"
