"""Finds everything that is wrong or late now: in the parts of health that are not ok, and where no part looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias

from eventshop.operations.attention.findings import Finding, general_finding
from eventshop.operations.attention.part_findings import PART_FINDERS, find_overdue_sagas
from eventshop.operations.health_checks import ComponentHealth, check_components
from eventshop.operations.objectives import State

#: Findings that no part of health has.
Finder: TypeAlias = Callable[[], Sequence[Finding]]

_finders: Final[list[Finder]] = [find_overdue_sagas]


def register(finder: Finder) -> None:
    """Add the findings of a higher layer."""
    if finder not in _finders:
        _finders.append(finder)


def find_all() -> list[Finding]:
    """Everything that is wrong or late, in no order; the checks of `/readyz`, and as many statements."""
    found = [finding for component in check_components() for finding in _find_in(component)]
    found += [finding for finder in _finders for finding in finder()]
    return list({finding.key: finding for finding in found}.values())


def _find_in(component: ComponentHealth) -> Iterator[Finding]:
    if component.state is State.OK:
        return
    if finder := PART_FINDERS.get(component.name):
        yield from finder(component)
        return
    bad = [part for part in component.parts if part.state is not State.OK]
    for part in bad:
        yield from _find_in(part)
    if not bad:
        yield general_finding(component)
