"""The README keeps its word: its code runs, its names exist, its commands are there, CI runs its test command."""

from __future__ import annotations

import re
import subprocess

import pytest

import custvalue as cv
import custvalue.cli
from custvalue.cli.commands import app


@pytest.fixture(scope="module")
def readme(root):
    return (root / "README.md").read_text(encoding="utf-8")


def test_the_python_of_the_readme_runs(readme, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    assert names["summary"].table.height > 3_000
    names["shop"].close()


def test_every_name_in_the_tables_exists(readme):
    table = readme[readme.index("| question | names |") : readme.index("Every answer is a frozen result")]
    named = set(re.findall(r"`([A-Za-z_]+)(?:\([^`]*)?`", table)) - {"f"}
    assert len(named) > 20
    assert named <= set(cv.__all__)


def test_every_link_and_command_is_there(readme, root):
    for target in re.findall(r"\]\(([^)#]+)\)", readme):
        assert target.startswith("https://") or (root / target).exists(), target
    shown = set(re.findall(r"^custvalue (\w+)", readme, flags=re.MULTILINE))
    assert shown == {command.name or command.callback.__name__ for command in app.registered_commands}
    assert {"init", "load", "run"} <= shown


def test_ci_finds_the_test_command_of_the_readme(readme, root):
    script = (root / ".ci" / "run").read_text()
    finder = re.search(r"awk '.*?' README.md", script)[0]
    found = subprocess.run(["bash", "-c", finder], cwd=root, capture_output=True, text=True, check=True).stdout
    assert found.strip().endswith(".ci/test")
    assert found.strip() in readme
