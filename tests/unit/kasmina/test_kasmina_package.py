"""The package as a whole: what it imports, what it exports, and what it documents."""

import ast
import inspect
import sys
from pathlib import Path

import pytest

import kasmina

FILES = sorted(Path(kasmina.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_only_torch_and_the_standard_library_are_imported(file: Path) -> None:
    allowed = {"torch", "kasmina", *sys.stdlib_module_names}
    for node in ast.walk(ast.parse(file.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            names = [node.module or ""]
        assert {name.split(".")[0] for name in names} <= allowed


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_private_part_of_torch_is_used(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert not (node.value.id == "torch" and node.attr.startswith("_")), node.attr


@pytest.mark.parametrize("name", kasmina.__all__)
def test_everything_public_is_documented(name: str) -> None:
    exported = getattr(kasmina, name)
    assert inspect.getdoc(exported)
    if inspect.isclass(exported):
        for attribute, member in vars(exported).items():
            if callable(member) and not attribute.startswith("_"):
                assert inspect.getdoc(member), f"{name}.{attribute}"


def test_root_exports_are_sorted_and_typed() -> None:
    assert kasmina.__all__ == sorted(kasmina.__all__)
    assert (Path(kasmina.__file__).parent / "py.typed").exists()
