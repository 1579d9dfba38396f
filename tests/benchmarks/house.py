"""Measures of the code's structure: `python -m tests.benchmarks.house` prints them, one a line.

Modules and their length, circles of imports with and without type imports, the longest chain of imports, and what the
docstrings of the public names lack.
"""

from __future__ import annotations

import ast
import graphlib
import inspect
import statistics
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "custvalue"
Graph = dict[str, set[str]]


def modules() -> dict[str, Path]:
    """Map each module's dotted name to its file."""
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        dotted = ".".join(("custvalue", *file.relative_to(PACKAGE).with_suffix("").parts))
        found[dotted.removesuffix(".__init__")] = file
    return found


def import_graph(*, types_too: bool) -> Graph:
    """Map each module to those of ours that it imports, functions' own imports included."""
    names = modules()
    return {name: _imports(file, types_too=types_too) & (set(names) - {name}) for name, file in names.items()}


def _imports(file: Path, *, types_too: bool) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    guards = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)]
    skipped = set() if types_too else {id(child) for guard in guards for child in ast.walk(guard)}
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def circles(graph: Graph) -> list[set[str]]:
    """Return the sets of modules that import each other in a circle (strongly connected components)."""
    reached = {name: _reach(graph, name) for name in graph}
    found: list[set[str]] = []
    for name in graph:
        circle = {other for other in reached[name] if name in reached[other]}
        if len(circle) > 1 and circle not in found:
            found.append(circle)
    return found


def _reach(graph: Graph, start: str) -> set[str]:
    seen: set[str] = set()
    todo = [start]
    while todo:
        for target in graph[todo.pop()] - seen:
            seen.add(target)
            todo.append(target)
    return seen


def longest_chain(graph: Graph) -> int:
    """Count the modules on the longest chain of imports; 0 where there is a circle."""
    length: dict[str, int] = {}
    try:
        for name in graphlib.TopologicalSorter(graph).static_order():
            length[name] = 1 + max((length[target] for target in graph[name]), default=0)
    except graphlib.CycleError:
        return 0
    return max(length.values())


def undocumented() -> dict[str, list[str]]:
    """List the public functions under `cv` whose docstring lacks a section that its signature asks for."""
    import custvalue as cv

    lacking: dict[str, list[str]] = {"docstring": [], "Parameters": [], "Returns": [], "Examples": []}
    for name in cv.__all__:
        thing = getattr(cv, name)
        text = inspect.getdoc(thing) or ""
        if not text:
            lacking["docstring"].append(name)
        if not inspect.isfunction(thing):
            continue
        sections = {"Parameters": bool(inspect.signature(thing).parameters), "Returns": True, "Examples": True}
        for section, is_due in sections.items():
            if is_due and f"{section}\n---" not in text:
                lacking[section].append(name)
    return lacking


def main() -> None:
    """Print the measures."""
    lengths = {name: len(file.read_text(encoding="utf-8").splitlines()) for name, file in modules().items()}
    real = {name: n for name, n in lengths.items() if n > 1}
    longest = max(real, key=lambda name: real[name])
    print(
        f"modules: {len(real)}, median {statistics.median(real.values()):.0f} lines, longest {real[longest]} ({longest})"
    )
    for types_too in (False, True):
        graph = import_graph(types_too=types_too)
        sizes = sorted((len(circle) for circle in circles(graph)), reverse=True)
        which = "type imports too" if types_too else "at run time"
        print(f"files in circles, {which}: {sum(sizes)}; longest chain: {longest_chain(graph) or 'endless'}")
    for section, names in undocumented().items():
        print(f"public names without {section}: {len(names)}{': ' + ', '.join(names) if names else ''}")


if __name__ == "__main__":
    main()
