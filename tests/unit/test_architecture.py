"""The direction of imports, read from the source: who may know of whom."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import app

ROOT = Path(app.__file__).parents[1]

# What each part of the service may import of the others, in the order in which they build on
# each other. A part that is new has to be entered here.
MAY_IMPORT = {
    "errors": "",
    "strict_json": "errors",
    "datadir": "",
    "logs": "",
    "domain": "errors",
    "formats": "domain errors",
    "sandbox": "domain errors",
    "targets": "domain errors",
    "mutation": "domain errors",
    "schema": "errors",
    "embedded": "errors",
    "storage": "tracing schema domain errors",
    "services": "storage targets sandbox mutation formats domain errors",
    "config": "datadir errors sandbox domain",
    "database": "config errors",
    "metrics": "domain errors",
    "tracing": "errors",
    "backup": "database embedded errors",
    "factory": "metrics services storage targets sandbox database config formats domain errors",
    "admission": "factory services errors",
    "diagnosis": "config database embedded sandbox domain errors",
    "target_doctor": "diagnosis config targets sandbox domain errors",
    "api": "factory metrics services formats storage domain strict_json errors",
    "web": "api factory services formats storage domain errors",
    "worker": "tracing factory services targets sandbox mutation storage database domain errors",
    "mcp": "domain strict_json errors",  # of the API it knows what any client of it knows
    "main": "api web mcp worker admission factory tracing domain errors",
    "startup": "tracing backup database embedded sandbox config errors",
    "protocol": "",
    "serving": "admission main protocol worker factory config errors",
    # The command speaks HTTP; only the part that starts the server knows the server.
    "cli": "datadir mcp",
    "cli.service": "target_doctor targets startup serving backup diagnosis database config logs"
    " errors datadir",
}

# What the command declares nowhere itself: it loads in no time, see `test_cli_start`.
SHARED_WITH_THE_COMMAND = {"app.domain.document", "app.domain.exports", "app.domain.filters"}

# All that routes and pages may see of storage: ids, and filters, which are plain data.
DATA_OF_STORAGE = {"app.storage.rows", "app.storage.runs"}

# The only parts that know of a library.
ONLY_IN = {
    "sqlalchemy": "schema storage database",
    "alembic": "database",
    "fastapi": "api web main",
    "starlette": "api web main",
    "mcp": "mcp",
    "click": "cli cli.service",
    "rich": "cli",
    "certifi": "cli",
    "prometheus_client": "metrics",
    "pygit2": "targets",
    "opentelemetry": "tracing",
    "torch": "",
    "pytest": "",
    "kasmina": "",
}

# Loaded only where tests run, in processes that the server starts and never becomes.
IN_THE_CAGE = {
    "app.sandbox.guest": "the child that runs pytest",
    "app.sandbox.jobs": "the plugin inside that child that runs tests in forks of it",
    "app.sandbox.reporting": "the plugin inside that child that tells what happens",
    "app.sandbox.executed_lines": "the plugin in an arm that tells which lines tests execute",
    "app.sandbox.warm_up": "the zygote, which imports torch and pytest ahead of its forks",
}
# The entry points of those processes.
INTO_THE_CAGE = {"app.sandbox.supervisor", "app.sandbox.spawn_main", "app.sandbox.zygote_main"}


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the service and of the package under test, by its dotted name."""
    paths = [path for top in ("app", "kasmina") for path in (ROOT / top).rglob("*.py")]
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): ast.parse(
            path.read_text("utf-8")
        )
        for path in paths
    }


@cache
def imports(module: str) -> frozenset[str]:
    """What `module` imports anywhere in its text."""
    return frozenset(_imports(module))


def _imports(module: str) -> Iterator[str]:
    for node in ast.walk(modules()[module]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(module, node)
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield full if full in modules() else base


def _base(module: str, node: ast.ImportFrom) -> str:
    """What a ``from`` names, also one that counts its dots from `module`."""
    if not node.level:
        return str(node.module)
    path = module.split(".") + (["__init__"] if (ROOT / module.replace(".", "/")).is_dir() else [])
    return ".".join([*path[: -node.level], *([node.module] if node.module else [])])


def part_of(module: str) -> str:
    if module in ("app.cli.service", "app.cli.service_targets"):
        return "cli.service"
    return module.split(".")[1]


def libraries_of(module: str) -> set[str]:
    return {name.partition(".")[0] for name in imports(module)}


APP = sorted(name for name in modules() if name.startswith("app."))
KASMINA = sorted(name for name in modules() if name.startswith("kasmina"))


@pytest.mark.parametrize("part", sorted({part_of(module) for module in APP}))
def test_imports_run_in_one_direction(part: str) -> None:
    allowed = {part, part.partition(".")[0], *MAY_IMPORT[part].split()}
    if part == "cli":
        allowed.add("cli.service")  # which loads the server only when it is to be started

    against = {
        (module, name)
        for module in APP
        for name in imports(module)
        if part_of(module) == part
        and name.startswith("app.")
        and part_of(name) not in allowed
        and not (part == "cli" and name in SHARED_WITH_THE_COMMAND)
    }

    assert against == set()


def test_routes_and_pages_see_no_store() -> None:
    seen = {
        name
        for module in APP
        for name in imports(module)
        if part_of(module) in ("api", "web") and name.startswith("app.storage")
    }

    assert seen <= DATA_OF_STORAGE


@pytest.mark.parametrize("library", sorted(ONLY_IN))
def test_a_library_is_known_where_it_belongs(library: str) -> None:
    knowing = {m for m in APP if library in libraries_of(m)} - IN_THE_CAGE.keys()

    assert {part_of(module) for module in knowing} <= set(ONLY_IN[library].split())


def test_rules_need_the_standard_library_only() -> None:
    pure = [m for m in APP if part_of(m) in ("domain", "errors", "datadir")]
    needed = set().union(*(libraries_of(module) for module in pure))

    assert needed - sys.stdlib_module_names == {"app"}


def test_the_package_under_test_needs_torch_only() -> None:
    needed = set().union(*(libraries_of(module) for module in KASMINA))

    assert needed - sys.stdlib_module_names == {"kasmina", "torch"}


def test_what_runs_in_the_cage_is_loaded_by_its_entry_points_only() -> None:
    users = {m for m in APP if imports(m) & IN_THE_CAGE.keys()}

    assert users <= INTO_THE_CAGE | IN_THE_CAGE.keys()
    assert {m for m in APP if imports(m) & INTO_THE_CAGE} <= INTO_THE_CAGE


@pytest.mark.parametrize("top", ["app", "kasmina"])
def test_no_import_goes_in_a_circle(top: str) -> None:
    known = {module for module in modules() if module.startswith(top)}

    TopologicalSorter({m: imports(m) & known - {m} for m in known}).prepare()


def test_what_a_foreign_interpreter_loads_needs_nothing_of_the_service() -> None:
    loaded, waiting = set(), set(INTO_THE_CAGE | IN_THE_CAGE.keys())
    while waiting:
        module = waiting.pop()
        loaded.add(module)
        waiting |= {name for name in imports(module) if name.startswith("app")} - loaded

    absolute = {
        (module, name)
        for module in loaded
        for node in ast.walk(modules()[module])
        if isinstance(node, ast.ImportFrom) and not node.level
        for name in [str(node.module)]
        if name.partition(".")[0] not in sys.stdlib_module_names | {"pytest", "_pytest"}
    }
    assert {module for module in loaded if not module.startswith("app.sandbox")} == set()
    assert absolute == set()
