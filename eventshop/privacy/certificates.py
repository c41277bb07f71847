"""X.509 certificates: when they expire."""

from __future__ import annotations

from datetime import datetime

from cryptography import x509


def certificate_end(encoded: bytes) -> datetime:
    """When a certificate expires; of a PEM file with several, the first to do so. Raises `ValueError`."""
    if b"-----BEGIN" not in encoded:
        return x509.load_der_x509_certificate(encoded).not_valid_after_utc
    return min(certificate.not_valid_after_utc for certificate in x509.load_pem_x509_certificates(encoded))
