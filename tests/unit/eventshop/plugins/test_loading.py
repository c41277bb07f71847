"""A plug-in file is found by its name; a mistake in it stops the start, with file, line and what to do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from eventshop.core.port import Port, declared_ports
from eventshop.plugins.errors import PluginError
from eventshop.plugins.loading import check_ports, connect, load_plugin, loaded_plugins

Plug = Callable[[str], str]
_numbers = count()


@pytest.fixture
def plug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plug]:
    """Write the plug-in file of a new app; gives the app's name."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(code: str) -> str:
        app = f"probe_{next(_numbers)}"
        (tmp_path / app).mkdir()
        (tmp_path / app / "__init__.py").touch()
        (tmp_path / app / "eventshop_plugin.py").write_text(code)
        return app

    yield write
    for name in [name for name in sys.modules if name.startswith("probe_")]:
        del sys.modules[name]


@pytest.fixture
def port() -> Iterator[Port[str]]:
    """A port that only this test knows."""
    declared = Port[str]("of a test")
    yield declared
    del declared_ports[declared.name]


IMPORTS = "from eventshop.plugins.plugin import Plugin\n"


def refusal(app: str) -> str:
    with pytest.raises(PluginError) as refused:
        loaded = load_plugin(app)
        assert loaded
        connect(loaded)
    return str(refused.value)


def test_every_app_of_the_program_is_plugged_in() -> None:
    apps = {loaded.app for loaded in loaded_plugins()}
    assert apps == {"orders", "users", "trading", "projections", "eventshop.plugins"}


def test_an_app_without_a_plugin_file_adds_nothing() -> None:
    assert load_plugin("eventshop.formats") is None


@pytest.mark.parametrize(
    ("code", "line", "words"),
    [
        ("import nothing_of_this_name\n", 1, "ModuleNotFoundError"),
        ("\n\nPLUGIN = (\n", 3, "SyntaxError"),
        (f"{IMPORTS}PLUGIN = Plugin(agregates=[])\n", 2, "agregates"),
        ("plugin = 1\n", 1, "there is no PLUGIN"),
        ("PLUGIN = 1\n", 1, "PLUGIN is 1"),
        (f"{IMPORTS}PLUGIN = Plugin(\n    sagas=[int],\n)\n", 3, "sagas holds <class 'int'>"),
        (f"{IMPORTS}PLUGIN = Plugin(\n    api_urls=['no.such.urls'],\n)\n", 3, "api_urls holds 'no.such.urls'"),
        (
            "from eventshop.web.pages.navigation import NavigationEntry\n"
            f"{IMPORTS}PLUGIN = Plugin(\n    navigation=[NavigationEntry('Twice', 'users:home', 1, '')],\n)\n",
            4,
            "Two navigation entries lead to 'users:home'",
        ),
        (
            "from eventshop.projections.projection import Projection\nfrom projections.models import DailySales\n"
            f"{IMPORTS}again = Projection(DailySales, topic='daily-sales-projection', version=1)\n"
            "PLUGIN = Plugin(projections=[again])\n",
            5,
            "daily-sales",
        ),
    ],
)
def test_a_mistake_is_named_with_file_and_line(plug: Plug, code: str, line: int, words: str) -> None:
    app = plug(code)
    said = refusal(app)
    assert f"{app}/eventshop_plugin.py:{line}: " in said
    assert words in said


def test_a_port_that_nobody_binds_is_named_where_it_is_declared(port: Port[str]) -> None:
    with pytest.raises(PluginError, match=r"test_loading\.py:\d+: .*'of a test'"):
        check_ports(loaded_plugins())


def test_a_port_that_two_bind_is_refused(plug: Plug) -> None:
    code = (
        "from eventshop.plugins.plugin import Plugin\n"
        "from orders.application.stock_level_port import stock_levels\n"
        "PLUGIN = Plugin(bindings=[stock_levels.bind(lambda skus: {})])\n"
    )
    second = load_plugin(plug(code))
    assert second
    with pytest.raises(PluginError, match=r"projections/eventshop_plugin\.py:"):
        check_ports([*loaded_plugins(), second])


def test_what_is_bound_is_used(port: Port[str]) -> None:
    assert not port.is_bound
    port.bind("an answer").connect()
    assert port.get() == "an answer"
