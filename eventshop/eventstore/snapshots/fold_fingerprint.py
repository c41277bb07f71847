"""A fingerprint of an aggregate's fold, computed from syntax trees: it ignores comments, docstrings and formatting.

The fold is `evolve` and every definition that it depends on in the domain package and in `eventshop.core`: functions,
constants, value objects, event classes and upcasters. Names are resolved statically and rather too widely: a method
that may be called is included. The expression of a `raise` is ignored, because it cannot change a state.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent
from typing import Any, Final, NamedTuple

from eventshop.core.aggregate import Aggregate
from eventshop.core.errors import RegistryError

_CORE: Final = "eventshop.core"
_FOLD: Final = "evolve"
#: The version is raised because of a change; it is not part of the change.
_VERSION: Final = "snapshot_version"
#: Fields of syntax nodes that do not change what a definition computes.
_IGNORED_FIELDS: Final = frozenset({"ctx", "kind", "returns", "type_comment"})

_Definition = ast.stmt


class _Module(NamedTuple):
    """The top-level definitions of a module, and the dotted name behind each imported name."""

    definitions: dict[str, list[_Definition]]
    imports: dict[str, str]


def fold_fingerprint(aggregate: type[Aggregate[Any, Any]], upcasters: Iterable[Callable[..., Any]] = ()) -> str:
    """Return the SHA-256 of an aggregate's fold; `upcasters` are those of its events. Raises `RegistryError`."""
    fold = _Fold(aggregate)
    fold.add_aggregate()
    for upcaster in upcasters:
        fold.add_upcaster(upcaster)
    return sha256("\n".join(sorted(fold.definitions)).encode()).hexdigest()


class _Fold:
    """Collects the definitions that the fold of one aggregate depends on, directly or not."""

    def __init__(self, aggregate: type[Aggregate[Any, Any]]) -> None:
        self.definitions: set[str] = set()
        self._aggregate = aggregate
        self._packages = (aggregate.__module__.partition(".")[0], _CORE)
        self._modules: dict[str, _Module | None] = {}
        self._seen = {(aggregate.__module__, aggregate.__qualname__)}
        self._members: dict[str, list[_Definition]] = {}

    def add_aggregate(self) -> None:
        """Add the fields and base classes of the aggregate, and `evolve` with the members that it uses."""
        node = self._aggregate_node()
        always: list[ast.AST] = [*(_without_arguments(base) for base in node.bases), *node.keywords]
        for statement in _without_docstring(node.body):
            if isinstance(statement, ast.FunctionDef) and not _is_special(statement.name):
                self._members.setdefault(statement.name, []).append(statement)
            elif _VERSION not in _assigned_names(statement):
                always.append(statement)
        for part in always:
            self._add_node(self._aggregate.__module__, part)
        self._add_member(_FOLD)

    def add_upcaster(self, upcaster: Callable[..., Any]) -> None:
        """Add an upcaster without its decorator."""
        try:
            [function] = ast.parse(dedent(inspect.getsource(upcaster))).body
        except (OSError, SyntaxError, ValueError):
            function = ast.Pass()
        if not isinstance(function, ast.FunctionDef):
            raise RegistryError(f"{upcaster.__qualname__}: an upcaster must be defined with `def`")
        function.decorator_list = []
        self._add_node(upcaster.__module__, function)

    def _aggregate_node(self) -> ast.ClassDef:
        module = self._module(self._aggregate.__module__)
        for node in module.definitions.get(self._aggregate.__qualname__, ()) if module else ():
            if isinstance(node, ast.ClassDef):
                return node
        raise RegistryError(
            f"{self._aggregate.__qualname__}: an aggregate must be defined at the top level of a module file",
            module=self._aggregate.__module__,
        )

    def _add_member(self, name: str) -> None:
        for node in self._members.pop(name, ()):
            self._add_node(self._aggregate.__module__, node)

    def _add_definition(self, module_name: str, name: str) -> None:
        if (module_name, name) in self._seen:
            return
        self._seen.add((module_name, name))
        module = self._module(module_name)
        if module is None:
            return
        for node in module.definitions.get(name, ()):
            self._add_node(module_name, node)
        if name in module.imports:
            self._add_definition(*_split(module.imports[name]))

    def _add_node(self, module_name: str, node: ast.AST) -> None:
        """Add a definition and everything that it names."""
        node = _Normalizer().visit(node)
        self.definitions.add(_serialize(node))
        for part in ast.walk(node):
            if isinstance(part, ast.Name):
                self._add_definition(module_name, part.id)
            elif isinstance(part, ast.Attribute):
                self._add_member(part.attr)
                self._add_definition(*_split(self._dotted_name(module_name, part)))

    def _dotted_name(self, module_name: str, node: ast.Attribute) -> str:
        """Return the absolute dotted name of `imported_module.name`, or an empty text."""
        names, value = [node.attr], node.value
        while isinstance(value, ast.Attribute):
            names.append(value.attr)
            value = value.value
        module = self._module(module_name)
        if module is None or not isinstance(value, ast.Name) or value.id not in module.imports:
            return ""
        return ".".join([module.imports[value.id], *reversed(names)])

    def _module(self, name: str) -> _Module | None:
        """Parse a module of the domain package or the core; None for any other name."""
        if name not in self._modules:
            is_covered = any(name == package or name.startswith(f"{package}.") for package in self._packages)
            self._modules[name] = _parse(name) if is_covered else None
        return self._modules[name]


class _Normalizer(ast.NodeTransformer):
    """Removes docstrings and the expressions of `raise`."""

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return ast.Raise()

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._strip(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._strip(node)

    def _strip(self, node: ast.ClassDef | ast.FunctionDef) -> ast.AST:
        node.body = _without_docstring(node.body)
        return self.generic_visit(node)


def _parse(module_name: str) -> _Module | None:
    try:
        spec = find_spec(module_name)
    except ModuleNotFoundError:  # the name of a class or function, not of a module
        return None
    if spec is None or not spec.has_location or not spec.origin:
        return None
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    module = _Module({}, dict(_imports(tree)))
    for statement in _top_level(tree.body):
        for name in _defined_names(statement):
            module.definitions.setdefault(name, []).append(statement)
    return module


def _top_level(statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module, those under a top-level `if` or `try` included."""
    for statement in statements:
        yield statement
        if isinstance(statement, ast.If | ast.Try):
            yield from _top_level([*statement.body, *statement.orelse])


def _defined_names(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return [statement.name]
    return _assigned_names(statement)


def _assigned_names(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.AnnAssign | ast.AugAssign):
        targets: list[ast.expr] = [statement.target]
    else:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
    return [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield each imported name with the dotted name behind it. Relative imports are not used in this program."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (first, first)


def _split(dotted_name: str) -> tuple[str, str]:
    module, _, name = dotted_name.rpartition(".")
    return module, name


def _without_arguments(base: ast.expr) -> ast.expr:
    """`Aggregate[Commands, Events]` without its arguments: the fold does not depend on commands."""
    return base.value if isinstance(base, ast.Subscript) else base


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    match body:
        case [ast.Expr(value=ast.Constant(value=str())), *rest]:
            return rest
    return body


def _is_special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _serialize(node: object) -> str:
    """Return a text of a syntax tree. Empty fields are left out, so that it is the same for all Python versions."""
    if isinstance(node, list):
        return f"[{','.join(map(_serialize, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    ignored = _IGNORED_FIELDS | {"annotation"} if isinstance(node, ast.arg) else _IGNORED_FIELDS
    fields = ((name, value) for name, value in ast.iter_fields(node) if name not in ignored)
    parts = (f"{name}={_serialize(value)}" for name, value in fields if value is not None and value != [])
    return f"{type(node).__name__}({','.join(parts)})"
