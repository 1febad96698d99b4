"""Every error code that the application can answer stands in docs/errors.md, and no other."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator

from app.errors import ADVICE, Problem
from tests.architecture.test_imports import ROOT, modules, name_of


def problems(parent: type[Problem] = Problem) -> Iterator[type[Problem]]:
    for child in parent.__subclasses__():
        yield child
        yield from problems(child)


def answered() -> set[tuple[str, str]]:
    for path in modules("app"):
        importlib.import_module(name_of(path))
    named = {
        (problem.code, str(problem.status)) for problem in problems() if problem.__module__.startswith("app.")
    }
    return named | {(code, str(status)) for status, (code, _) in ADVICE.items()}


def test_the_page_of_errors_names_every_code_and_no_other():
    page = (ROOT / "docs/errors.md").read_text()
    documented = set(re.findall(r"^\| `(\w+)` \| (\d+) \|", page, re.MULTILINE))
    assert documented == answered()
