"""Imports run one way: the edge of the process, payments, consultations, auth, the base."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# A module may import from its own layer and from those below it.
LAYERS = ("base", "auth", "consultations", "payments", "process")
PURE = ("states", "evidence", "evidence_out", "schedule", "wording", "callback_tokens", "history/redaction")
PROCESS = {"app", "app.worker", "app.doctor", "app.demo"}


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> Iterator[str]:
    """Yield every module that a file imports, with relative imports made absolute."""
    package = name_of(path) if path.name == "__init__.py" else name_of(path).rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def layer_of(module: str) -> int:
    if module in PROCESS:
        return LAYERS.index("process")
    part = module.split(".")[1] if module.startswith("app.") else ""
    return LAYERS.index(part) if part in LAYERS else LAYERS.index("base")


def in_package(imported: str, package: str) -> bool:
    return imported == package or imported.startswith(f"{package}.")


@pytest.mark.parametrize("path", modules("app"), ids=name_of)
def test_a_module_imports_only_from_its_own_layer_and_below(path):
    own = layer_of(name_of(path))
    upwards = [name for name in imports_of(path) if name.startswith("app.") and layer_of(name) > own]
    assert upwards == []


@pytest.mark.parametrize("path", modules("app/payments/daraja"), ids=name_of)
def test_the_daraja_library_knows_nothing_of_the_application_or_of_flask(path):
    foreign = {
        name
        for name in imports_of(path)
        if in_package(name, "flask")
        or in_package(name, "sqlalchemy")
        or in_package(name, "config")
        or (in_package(name, "app") and not in_package(name, "app.payments.daraja"))
    }
    assert foreign == set()


@pytest.mark.parametrize("path", modules("simulator"), ids=name_of)
def test_the_simulator_shares_no_code_with_the_application(path):
    assert [name for name in imports_of(path) if in_package(name, "app") or in_package(name, "config")] == []


@pytest.mark.parametrize("path", modules("app"), ids=name_of)
def test_the_application_does_not_know_the_simulator(path):
    assert [name for name in imports_of(path) if in_package(name, "simulator")] == []


@pytest.mark.parametrize("path", sorted((ROOT / "app").rglob("*routes.py")), ids=name_of)
def test_routes_hold_no_query(path):
    assert [name for name in imports_of(path) if in_package(name, "sqlalchemy") or name == "app.database"] == []


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_of_the_payments_touch_no_database_and_no_request(name):
    impure = {"sqlalchemy", "flask", "requests", "app.database", "app.runtime"}
    imported = imports_of(ROOT / "app/payments" / f"{name}.py")
    assert [one for one in imported if any(in_package(one, bad) for bad in impure)] == []
