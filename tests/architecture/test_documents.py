"""The map in docs/architecture.md names what is there, and nothing else."""

from __future__ import annotations

import re

import pytest

from tests.architecture.test_imports import ROOT

_PAGE = (ROOT / "docs/architecture.md").read_text()
_MAP = _PAGE.partition("```\napp/\n")[2].partition("```")[0]


def named(indent: int, pattern: str) -> set[str]:
    """Read the names at one depth of the map."""
    lines = re.findall(rf"^ {{{indent}}}(?! )(.*)$", _MAP, re.MULTILINE)
    return {name for line in lines for name in re.findall(pattern, line)}


@pytest.mark.parametrize(("folder", "indent"), [("app", 2), ("app/payments", 4)])
def test_the_map_names_every_file_and_folder_of_code_and_no_other(folder, indent):
    code = {path.name for path in (ROOT / folder).glob("*.py")} - ({"__init__.py"} if indent > 2 else set())
    # The map speaks of the routes of one subject each as files named *_routes.py.
    assert named(indent, r"(?<!\*)\b\w+\.py") == {name for name in code if not name.endswith("_routes.py")}
    folders = {path.parent.name for path in (ROOT / folder).glob("*/*.py")}
    assert named(indent, r"^(\w+)/") == folders


def test_the_decisions_are_numbered_without_a_gap():
    numbers = [int(path.name[:4]) for path in sorted((ROOT / "docs/decisions").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))
