"""`make pin-images`: writes the digest of each image behind its tag, in Dockerfile and compose.yaml.

The registry is asked through `docker buildx imagetools inspect`, which needs no running daemon. A digest that is there
already is replaced by the tag's of today. Exit status 0: all images are pinned. 2: docker or the registry did not
answer; then no file is changed.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
FILES: Final = ("Dockerfile", "compose.yaml")
#: `FROM image:tag` or `image: image:tag`, with or without a digest. What has no tag is built here, or an earlier stage.
_IMAGE: Final = re.compile(
    r"^(?P<before>FROM[ ]+(?:--platform=\S+[ ]+)?|[ ]+image:[ ]+)"
    r"(?P<image>[^\s:@#]+(?::\d+/[^\s:@#]+)?:[\w][\w.-]*)(?:@sha256:[0-9a-f]{64})?(?=\s|$)",
    re.MULTILINE,
)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
#: A registry that does not answer.
_TIMEOUT_S: Final = 60


class NoDigest(Exception):
    """The digest of an image is not known; says why."""


def images_in(text: str) -> list[str]:
    """The images with their tags, each once."""
    return list(dict.fromkeys(match["image"] for match in _IMAGE.finditer(text)))


def pin(text: str, digests: dict[str, str]) -> str:
    """The text with the digest behind each image."""
    return _IMAGE.sub(lambda match: f"{match['before']}{match['image']}@{digests[match['image']]}", text)


def ask_registry(image: str) -> str:
    """The digest of an image, of all its platforms together. Raises `NoDigest`."""
    command = ["docker", "buildx", "imagetools", "inspect", "--format", "{{json .Manifest}}", image]
    try:
        result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_TIMEOUT_S)
    except FileNotFoundError:
        raise NoDigest("docker is not installed here; run this where it is") from None
    except subprocess.TimeoutExpired:
        raise NoDigest(f"{image}: the registry did not answer within {_TIMEOUT_S} seconds") from None
    if result.returncode:
        why = (result.stderr.strip().splitlines() or [f"status {result.returncode}"])[0]
        raise NoDigest(f"{image}: docker says {why!r}; is it a tag of the registry, and has docker the plugin buildx?")
    digest = _digest_of(result.stdout)
    if not _DIGEST.fullmatch(digest):
        raise NoDigest(f"{image}: docker names no digest: {result.stdout.strip()[:200]!r}")
    return digest


def _digest_of(manifest: str) -> str:
    try:
        fields: Any = json.loads(manifest)
    except ValueError:
        return ""
    return str(fields.get("digest", "")) if isinstance(fields, dict) else ""


def pin_files(folder: Path, ask: Callable[[str], str] = ask_registry) -> list[str]:
    """Pin all images and return them with their digests; nothing is written unless all digests are known."""
    texts = {folder / name: (folder / name).read_text() for name in FILES}
    digests = {image: ask(image) for text in texts.values() for image in images_in(text)}
    for file, text in texts.items():
        if (pinned := pin(text, digests)) != text:
            file.write_text(pinned)
    return [f"{image}@{digest}" for image, digest in digests.items()]


def main(folder: Path = ROOT) -> int:
    try:
        print(*pin_files(folder), sep="\n")
    except NoDigest as error:
        print(f"NOT PINNED: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
