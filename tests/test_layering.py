"""The layering table of the design, read from the syntax trees."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "custvalue"
BASE = {"errors", "config", "results", "paths", "validation", "frames", "door"}
# folder -> folders of custvalue it may import (itself always), and whether it may import duckdb and scipy
MAY_IMPORT = {
    "errors": set(),
    "validation": {"errors"},
    "frames": {"errors"},
    "door": {"errors", "validation"},
    "paths": set(),
    "config": {"errors", "door"},
    "results": {"errors", "frames", "plots"},  # plots: the one declared lazy import, inside Result.plot
    "data": BASE,
    "models": BASE,
    "profit": BASE | {"data", "models"},
    "experiments": BASE | {"data", "models"},
    "service": BASE | {"data", "models", "profit", "experiments"},
    "plots": BASE | {"data", "models", "profit", "experiments", "service"},
    "reports": BASE | {"data", "models", "profit", "experiments", "service", "plots"},
    "cli": BASE | {"data", "models", "profit", "experiments", "service", "plots", "reports"},
}
ONLY_IN = {
    "duckdb": {"data"},
    "scipy": {"models", "profit", "experiments", "service"},
    "plotly": {"plots", "results", "reports"},  # results: for type checkers only
    "pydantic": {"config", "data"},
    "tea_tasting": {"experiments"},
    "lifetimes": {"reports"},
    "typer": {"cli"},
    "rich": {"cli"},
}


def imports(file: Path, *, typing_too: bool = False) -> set[str]:
    """Return the modules a file imports, those inside functions too."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    skipped = set()
    if not typing_too:
        guards = [n for n in ast.walk(tree) if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.unparse(n.test)]
        skipped = {id(child) for guard in guards for child in ast.walk(guard)}
    found = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{file.name}: relative import"
            found.add(node.module)
    return found


def folder(file: Path) -> str:
    parts = file.relative_to(PACKAGE).parts
    return parts[0].removesuffix(".py")


FILES = [file for file in sorted(PACKAGE.rglob("*.py")) if file.name != "__init__.py" or file.parent != PACKAGE]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_each_module_imports_only_what_its_folder_may(file):
    here = folder(file)
    ours = {name.split(".")[1] for name in imports(file) if name.startswith("custvalue.")}
    assert ours <= MAY_IMPORT[here] | {here}
    for library, folders in ONLY_IN.items():
        if library in {name.split(".")[0] for name in imports(file)}:
            assert here in folders, f"{library} may be imported only in {sorted(folders)}"


def test_no_import_cycle_between_modules():
    import graphlib

    def module(file: Path) -> str:
        dotted = ".".join(("custvalue", *file.relative_to(PACKAGE).with_suffix("").parts))
        return dotted.removesuffix(".__init__")

    names = {module(file) for file in FILES}
    graph = {module(file): (imports(file) & names) - {module(file), "custvalue.plots"} for file in FILES}
    list(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError


def test_modules_stay_small():
    too_long = {file.name: n for file in FILES if (n := len(file.read_text().splitlines())) > 400}
    assert not too_long


def test_importing_the_package_loads_none_of_the_heavy_libraries():
    code = "import sys, custvalue; print([m for m in ('polars', 'duckdb', 'scipy', 'plotly', 'pandas') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_can_be_reached():
    import custvalue as cv

    assert {"open", "purchase_summary", "fit", "lifetime_value", "customer_profit", "courtesy_cost", "does_it_pay",
            "plan_service"} <= set(cv.__all__)  # fmt: skip
    for name in cv.__all__:
        assert getattr(cv, name) is not None
