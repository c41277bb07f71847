"""Anchors: places outside the database that get each new root, so that nobody can rewrite roots unseen.

`file:PATH` appends every root as a line of `export_roots`. `https:URL` posts the newest root's statement as JSON.
`tsa+https:URL` asks a time-stamping authority (RFC 3161) for a token over the newest root's statement, and stores it.
The newest root contains the hash of all before it, so it is enough.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

import httpx
from django.conf import settings
from rfc3161_client import TimestampRequestBuilder, decode_timestamp_response

from eventshop.core.errors import EventShopError
from eventshop.operations.models import RootAnchor, SignedRoot
from eventshop.operations.tamper_evidence import root_files
from eventshop.operations.tamper_evidence.signed_roots import statement_of
from eventshop.runtime.private_files import open_private

TIMEOUT_S: Final = 10.0
#: The most bytes of an answer that are read and kept.
MAX_ANSWER: Final = 64 * 1024
#: Statuses of RFC 3161, section 2.4.2: granted, and granted with modifications.
_GRANTED: Final = (0, 1)

#: Hands roots, the newest one last, to the anchor of this URL; returns what it answered.
Hand = Callable[[str, Sequence[SignedRoot]], bytes]


class AnchorFailed(EventShopError):
    """A root could not be handed to an anchor"""

    code = "anchor-failed"


def anchor_roots() -> int:
    """Hand the newest root to each anchor that has not got it; returns how many did. Raises `AnchorFailed` at the end.

    A failed anchor keeps none of the others, and is tried again with the next run.
    """
    newest = SignedRoot.objects.order_by("-number").values_list("number", flat=True).first()
    handed, failures = 0, []
    for url in settings.ROOT_ANCHORS if newest else ():
        try:
            handed += _anchor(url)
        except (OSError, httpx.HTTPError, ValueError, AnchorFailed) as error:
            failures.append(f"{public_name(url)}: {error}")
    if failures:
        raise AnchorFailed("; ".join(failures), anchors=len(failures))
    return handed


def public_name(url: str) -> str:
    """The URL without user name and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))[:200]


def _anchor(url: str) -> bool:
    name = public_name(url)
    last = RootAnchor.objects.filter(anchor=name).order_by("-number").values_list("number", flat=True).first() or 0
    roots = SignedRoot.objects.filter(number__gt=last).order_by("number")
    hand = _hand_to[urlsplit(url).scheme]
    if hand is not _append_to_file:
        newest = roots.last()
        roots = roots.filter(pk=newest.pk) if newest else roots
    to_hand = list(roots)
    if not to_hand:
        return False
    answer = hand(url, to_hand)
    RootAnchor.objects.create(number=to_hand[-1].number, anchor=name, answer=answer)
    return True


def _append_to_file(url: str, roots: Sequence[SignedRoot]) -> bytes:
    """Append the roots that the file does not have; a copy in a second process waits for the lock."""
    path = unquote(url.removeprefix("file:").removeprefix("//"))
    with open(path, "a+b", opener=open_private) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        present = {root.number for root in root_files.read_roots(file)}
        file.writelines(root_files.encode_roots(root for root in roots if root.number not in present))
    return b""


def _post_statement(url: str, roots: Sequence[SignedRoot]) -> bytes:
    root = roots[-1]
    body = {
        "number": root.number,
        "statement": statement_of(root).decode(),
        "signature": bytes(root.signature).hex(),
        "public_key": root.public_key,
    }
    response = httpx.post(url, json=body, timeout=TIMEOUT_S)
    response.raise_for_status()
    return response.content[:MAX_ANSWER]


def _ask_time_stamp(url: str, roots: Sequence[SignedRoot]) -> bytes:
    """Ask for a token; it must be granted, for this statement and this request. Its signature is for a verifier."""
    request = TimestampRequestBuilder().data(statement_of(roots[-1])).build()
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    response = httpx.post(url.removeprefix("tsa+"), content=request.as_bytes(), headers=headers, timeout=TIMEOUT_S)
    response.raise_for_status()
    reply = decode_timestamp_response(response.content)
    if reply.status not in _GRANTED:
        raise AnchorFailed(f"the authority refused, status {reply.status}: {' '.join(reply.status_string)}")
    if reply.tst_info.message_imprint.message != request.message_imprint.message:
        raise AnchorFailed("the token is for other data")
    if reply.tst_info.nonce != request.nonce:
        raise AnchorFailed("the token answers another request")
    return response.content


_hand_to: Final[dict[str, Hand]] = {
    "file": _append_to_file,
    "http": _post_statement,
    "https": _post_statement,
    "tsa+http": _ask_time_stamp,
    "tsa+https": _ask_time_stamp,
}
