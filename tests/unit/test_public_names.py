"""What `urlmon` offers is what it lists, and what it takes from the core is what the core lists."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import types
from pathlib import Path

import pytest

import urlmon
import urlmon_core

PACKAGE = Path(urlmon.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
FUTURE = {"annotations"}  # from __future__ import annotations


def public_names(module: types.ModuleType) -> set[str]:
    """Names without an underscore that are no modules: submodules become attributes as they are imported."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and name not in FUTURE and not isinstance(value, types.ModuleType)
    }


@pytest.mark.parametrize("module", [urlmon, urlmon_core], ids=lambda module: module.__name__)
def test_all_lists_exactly_what_is_public(module: types.ModuleType) -> None:
    listed = module.__all__
    assert len(listed) == len(set(listed))
    for name in listed:
        getattr(module, name)
    assert public_names(module) == {name for name in listed if not name.startswith("_")}


def test_no_module_is_public_but_the_package_s_own() -> None:
    modules = {name for name, value in vars(urlmon).items() if isinstance(value, types.ModuleType)}
    own = {module.name for module in pkgutil.iter_modules(urlmon.__path__)}
    assert modules <= own


@pytest.mark.parametrize("name", ["constants", "exceptions"])
def test_every_constant_and_error_is_public(name: str) -> None:
    module = importlib.import_module(f"urlmon.{name}")
    for public in module.__all__:
        assert getattr(urlmon, public) is getattr(module, public)
        assert public in urlmon.__all__


@pytest.mark.parametrize("name", urlmon.__all__)
def test_classes_and_functions_are_documented(name: str) -> None:
    public = getattr(urlmon, name)
    if isinstance(public, (type, types.FunctionType)):
        assert public.__doc__


def core_names(tree: ast.AST) -> set[str]:
    """Everything of the core that a source names; "*" and submodules as they stand there."""
    names: set[str] = set()
    aliases = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "urlmon_core":
            submodule = (node.module or "").partition(".")[2]
            names |= {submodule} if submodule else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            for alias in node.names:
                package, _, submodule = alias.name.partition(".")
                if package == "urlmon_core":
                    aliases.add(alias.asname or package)
                    names |= {submodule} if submodule else set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
            names.add(node.attr)
    return names


def test_core_names_are_found() -> None:
    source = """
import urlmon_core, urlmon_core.stream
import urlmon_core as core
from urlmon_core import BindingBase, install as setup
from urlmon_core.reactor import Reactor
def later():
    core.hidden, urlmon_core.Stream
"""
    assert core_names(ast.parse(source)) == {
        "BindingBase",
        "Stream",
        "hidden",
        "install",
        "reactor",
        "stream",
    }


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_core_is_sealed(path: Path) -> None:
    used = core_names(ast.parse(path.read_text(encoding="utf-8"), str(path)))
    assert used <= set(urlmon_core.__all__)


def test_the_core_does_not_know_the_package_above() -> None:
    for path in sorted(Path(urlmon_core.__file__).parent.glob("*.py*")):
        if path.suffix in {".py", ".pyi"}:
            tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
            for node in ast.walk(tree):
                modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                assert not [name for name in modules if name.partition(".")[0] == "urlmon"], path.name
