"""Certificates for tests, and a server that shows one."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def write_certificate(file: Path, *, days_left: float) -> Path:
    """Write a self-signed certificate of localhost and its key to one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    end = datetime.now(UTC) + timedelta(days=days_left)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(end - timedelta(days=90)).not_valid_after(end)
    certificate = builder.sign(key, hashes.SHA256())
    pem, pkcs8, plain = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file.write_bytes(certificate.public_bytes(pem) + key.private_bytes(pem, pkcs8, plain))
    return file


class TlsServer(NamedTuple):
    """A server that shows its certificate and says nothing."""

    port: int
    context: ssl.SSLContext

    def show(self, certificate: Path) -> None:
        """Show this certificate from now on."""
        self.context.load_cert_chain(certificate)


@contextmanager
def tls_server(certificate: Path) -> Iterator[TlsServer]:
    """Run a server that shows this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                with suppress(ssl.SSLError, ConnectionError):
                    try:
                        connection, _ = server.accept()
                    except OSError:  # it was closed
                        return
                    context.wrap_socket(connection, server_side=True).close()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield TlsServer(server.getsockname()[1], context)
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
