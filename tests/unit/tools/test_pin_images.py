"""Images are pinned to the digests that the registry names; without all of them no file changes."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tools.pin_images import FILES, ROOT, images_in, main, pin

OLD, NEW = "sha256:" + "0" * 64, "sha256:" + "a" * 64
DOCKERFILE = """FROM python:3.11.14-slim AS packages
FROM --platform=linux/amd64 registry.example:5000/team/base:1.2
FROM packages
COPY --from=packages /venv /venv
"""
COMPOSE = f"""x-program: &program
  image: eventshop
services:
  db:
    image: postgres:18.4@{OLD} # the server
  copy:
    image: postgres:18.4
  metrics:
    image: prom/prometheus:v3.5.0
"""
IMAGES = ["python:3.11.14-slim", "registry.example:5000/team/base:1.2", "postgres:18.4", "prom/prometheus:v3.5.0"]
#: Does what `docker buildx imagetools inspect` does with these arguments, and refuses all others.
DOCKER = f"""#!{sys.executable}
import json, sys
match sys.argv[1:]:
    case ["buildx", "imagetools", "inspect", "--format", "{{{{json .Manifest}}}}", image] if image in {IMAGES!r}:
        print(json.dumps({{"mediaType": "application/vnd.oci.image.index.v1+json", "digest": {NEW!r}, "size": 10}}))
    case ["buildx", "imagetools", "inspect", "--format", "{{{{json .Manifest}}}}", image]:
        sys.exit(f"ERROR: docker.io/library/{{image}}: not found")
    case others:  # as docker does without the plugin
        sys.exit("unknown flag: --format\\n\\nUsage:  docker [OPTIONS] COMMAND [ARG...]")
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a Dockerfile and a compose.yaml, where docker is not installed."""
    for name, text in zip(FILES, (DOCKERFILE, COMPOSE), strict=True):
        (tmp_path / name).write_text(text)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def install_docker(project: Path, program: str = DOCKER) -> None:
    file = project / "bin" / "docker"
    file.write_text(program)
    file.chmod(0o755)


def texts(project: Path) -> list[str]:
    return [(project / name).read_text() for name in FILES]


def test_images_of_a_registry_are_found_but_not_stages_and_what_is_built_here() -> None:
    assert list(dict.fromkeys(images_in(DOCKERFILE) + images_in(COMPOSE))) == IMAGES


def test_the_digest_is_written_behind_the_tag_and_replaces_an_older_one() -> None:
    pinned = pin(COMPOSE, dict.fromkeys(IMAGES, NEW))
    assert f"    image: postgres:18.4@{NEW} # the server\n" in pinned
    assert pinned.count(f"image: postgres:18.4@{NEW}") == 2
    assert "  image: eventshop\n" in pinned
    assert OLD not in pinned
    assert pin(pinned, dict.fromkeys(IMAGES, NEW)) == pinned


def test_all_images_of_the_program_are_found() -> None:
    found = {image for name in FILES for image in images_in((ROOT / name).read_text())}
    assert len(found) == 8


def test_both_files_are_pinned(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install_docker(project)
    assert main(project) == 0
    assert texts(project) == [pin(text, dict.fromkeys(IMAGES, NEW)) for text in (DOCKERFILE, COMPOSE)]
    assert capsys.readouterr().out.split() == [f"{image}@{NEW}" for image in IMAGES]


def test_without_docker_it_says_so_and_changes_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(project) == 2
    assert "NOT PINNED: docker is not installed" in capsys.readouterr().err
    assert texts(project) == [DOCKERFILE, COMPOSE]


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (DOCKER.replace("'prom/prometheus:v3.5.0'", "'other:1'"), "prom/prometheus:v3.5.0: not found"),
        (DOCKER.replace("buildx", "compose"), "unknown flag: --format'; is it"),
        (DOCKER.replace(NEW, "latest"), "docker names no digest"),
        (DOCKER.replace("print(json.dumps(", "print(str("), "docker names no digest"),
    ],
    ids=["unknown image", "no buildx", "no digest", "no JSON"],
)
def test_what_the_registry_does_not_name_changes_nothing(
    project: Path, capsys: pytest.CaptureFixture[str], program: str, words: str
) -> None:
    install_docker(project, program)
    assert main(project) == 2
    assert words in capsys.readouterr().err
    assert texts(project) == [DOCKERFILE, COMPOSE]


def test_each_image_of_ours_has_an_exact_version_and_what_has_no_digest_a_reason() -> None:
    files = [(ROOT / name).read_text() for name in FILES]
    images = {image for text in files for image in images_in(text)}
    assert len(images) > 5
    assert [image for image in images if not re.search(r":v?\d+\.\d+(\.\d+)*(-\w+)?$", image)] == []
    if any(f"{image}\n" in text or f"{image} " in text for image in images for text in files):
        assert "pinned by version and not by digest, because" in (ROOT / "docs" / "security.md").read_text()
