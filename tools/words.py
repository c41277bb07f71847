"""List names that a reviewer should look at: `make words`. It fails nothing.

Three lists: functions named with a bare participle (`held`, `told`), one name for two classes or modules, and words
that the glossary replaces (its column "instead of"). A line that is left should be one that its author would defend.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGES: Final = ("eventshop", "orders", "users", "trading", "projections", "deploy", "benchmarks", "tests/support")
#: Past participles that do not end in "ed".
IRREGULAR: Final = frozenset(
    """
    begun behind borne bought broken brought built caught chosen come cut done drawn driven fallen felt fought
    found given gone grown heard held hidden hit hung kept known laid learnt led left lent let lost made meant
    met paid read ridden risen said seen sent set shown shut sold spent spoken spread stood stuck sworn
    taken taught told thought thrown understood woken won worn written wrong
    """.split()  # noqa: SIM905
)
#: Words in "ed" that are verbs or nouns, and nouns among the irregular ones.
NO_PARTICIPLES: Final = frozenset(
    """
    embed exceed feed need proceed read seed shed speed succeed
    """.split()  # noqa: SIM905
)
#: Names that a framework, or our own convention of equal file names, asks for in several places.
CONVENTIONAL: Final = frozenset(
    """
    Command Config Kind Media Meta Migration State __init__ __main__ admin apps base client commands conftest
    demo domain errors events eventshop_plugin examples fields forms handlers importers models orders parsing
    permissions products registry tasks trades trading upcasters url_names urls users views
    """.split()  # noqa: SIM905
)


def source_files() -> list[Path]:
    """The project's own Python files, without migrations."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--", *PACKAGES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return [ROOT / name for name in listed if name.endswith(".py") and "/migrations/" not in name]


def is_participle(name: str) -> bool:
    """Whether a function's name is one bare participle, such as `held` or `_set_aside`'s first word alone."""
    word = name.strip("_")
    return "_" not in word and word not in NO_PARTICIPLES and (word in IRREGULAR or word.endswith("ed"))


def participle_functions(files: list[Path]) -> Iterator[str]:
    """`path:line name` of each function or method with such a name. Properties may be participles: `order.paid`."""
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not is_participle(node.name):
                continue
            if any(re.search(r"property|\.on\(", ast.unparse(decorator)) for decorator in node.decorator_list):
                continue
            yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"


def shared_names(files: list[Path]) -> Iterator[str]:
    """Names of top-level classes that stand in two modules, and modules of one name in packages that are no twins."""
    places: dict[str, list[str]] = defaultdict(list)
    for path in files:
        where = str(path.relative_to(ROOT))
        places[path.stem].append(where)
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(f"{where}:{node.lineno}")
    for name, found in sorted(places.items()):
        # The domains have the same files for the same things: what differs in the app alone is one name for one idea.
        ideas = {re.sub(r"^(orders|users|trading)/|:\d+$|importers/\w+/", "", place) for place in found}
        if len(ideas) > 1 and name not in CONVENTIONAL:
            yield f"{name}: {', '.join(found)}"


def replaced_words() -> dict[str, str]:
    """Word -> the term that the glossary gives instead."""
    glossary = ROOT / "docs" / "glossary.md"
    words: dict[str, str] = {}
    for line in glossary.read_text().splitlines() if glossary.is_file() else []:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 5:
            words |= {word.strip("` "): cells[0].strip("*` ") for word in cells[4].split(",") if word.strip("` -–")}
    return words


def uses_of_replaced_words(files: list[Path]) -> Iterator[str]:
    """`path:line word -> term` where a name in the code is a word that the glossary replaces."""
    words = replaced_words()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(node, "name", None) or getattr(node, "arg", None) or getattr(node, "id", None)
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
                continue
            if isinstance(name, str) and name in words:
                yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)} {name} -> {words[name]}"


def main(prefix: str = "") -> None:
    """Print the three lists, of files below `prefix` only where it is given."""
    files = [path for path in source_files() if path.is_file()]
    for title, lines in (
        ("Functions named with a bare participle", participle_functions(files)),
        ("One name, two things", shared_names(files)),
        ("Words that the glossary replaces", uses_of_replaced_words(files)),
    ):
        chosen = [line for line in lines if re.search(rf"(^| ){re.escape(prefix)}", line)]
        print(f"{title}: {len(chosen)}", *(f"  {line}" for line in chosen), sep="\n")


if __name__ == "__main__":
    main(*sys.argv[1:2])
