"""The numbers of a run: a line for each engine, one JSON for machines, one page for people."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from chaos.world import Result

FOLDER = Path("build/chaos")


def line(result: Result) -> str:
    """Say in one line what a run came to."""
    numbers = as_json(result)
    recovery = numbers["seconds_to_recover"]["all"]
    return (
        f"{result.engine}: {numbers['kills']} kills, {numbers['requests']} requests, "
        f"{numbers['payments']} payments, "
        f"{numbers['payouts']} payouts, {numbers['refunds']} refunds, "
        f"KES {numbers['kes_moved']} in and {numbers['kes_out']} out; "
        f"lost {numbers['lost']}, doubled {numbers['doubled']}, "
        f"stuck {numbers['stuck']}, broken {numbers['broken']}; back after {recovery['p50']} s (p50), "
        f"{recovery['max']} s (max); {numbers['seconds']} s"
    )


def as_json(result: Result) -> dict[str, Any]:
    """Return every number by name."""
    history, kinds = result.history, Counter(one.kind for one in result.findings)
    return {
        "engine": result.engine,
        "seed": result.seed,
        "clients": result.clients,
        "seconds": round(result.seconds, 1),
        "healed_after_s": result.healed_after_s,
        "requests": sum(history.answers.values()),
        "answers": dict(sorted(history.answers.items())),
        "slowest_answer_s": round(history.slowest_s, 2),
        "kills": len(result.kills),
        "kills_asked_for": result.kills_asked,
        "kills_by_kind": dict(Counter(one.kind for one in result.kills)),
        "kills_while_a_push_was_answered": sum(one.is_during_push for one in result.kills),
        "kills_while_money_was_sent": sum(one.is_during_send for one in result.kills),
        "seconds_to_recover": _recovery(result),
        "moods_of_safaricom": result.moods,
        "bookings": result.counts["bookings answered"],
        "payments": result.counts["payments"],
        "movements": result.counts["movements"],
        "kes_moved": result.counts["KES moved"],
        "payouts": result.counts["payouts"],
        "refunds": result.counts["refunds"],
        "kes_out": result.counts["KES sent"],
        **{kind: kinds[kind] for kind in ("lost", "doubled", "stuck", "broken")},
        "money": dict(sorted(result.counts.items())),
        "told_by_the_statement_alone": result.told_by_statement,
        "phones": dict(history.behaviours),
        "told_failed_then_completed": len(history.taken_back),
        "review_items": result.reviews,
        "open_files_at_the_end": result.open_files,
        "events": dict(result.events.most_common()),
        "tracebacks": dict(result.tracebacks.most_common()),
        "violations": [
            {"kind": one.kind, "found": one.found, "story": history.story(one.booking_id)}
            for one in result.findings
        ],
    }


def _recovery(result: Result) -> dict[str, dict[str, float | None]]:
    spans: dict[str, list[float]] = {"all": []}
    for one in result.kills:
        if one.back_after_s is not None:
            spans["all"].append(one.back_after_s)
            spans.setdefault(one.kind, []).append(one.back_after_s)
    return {name: {"p50": _middle(found), "max": max(found, default=None)} for name, found in spans.items()}


def _middle(numbers: list[float]) -> float | None:
    return sorted(numbers)[len(numbers) // 2] if numbers else None


def write(results: Iterable[Result], folder: Path = FOLDER) -> Path:
    """Write both files and every run's diary; the folder hides itself from git."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".gitignore").write_text("*\n")
    runs = [as_json(result) for result in results]
    (folder / "report.json").write_text(json.dumps(runs, indent=2) + "\n")
    for result in results:
        diary = "".join(f"{one.at_s:8.2f}  {one.text}\n" for one in result.history.diary)
        (folder / result.engine / "diary.log").write_text(diary)
    page = folder / "report.md"
    page.write_text("# Chaos test\n\n" + "\n".join(_page(run) for run in runs))
    return page


def _page(numbers: dict[str, Any]) -> str:
    lines, tables = [f"## {numbers['engine']}", ""], []
    for name, value in numbers.items():
        title = name.replace("_", " ")
        if name == "violations":
            tables += ["", "### violations", "", *(_told(value) or ["none"])]
        elif isinstance(value, dict):
            tables += [
                "",
                f"### {title}",
                "",
                *([f"- {key}: {inner}" for key, inner in value.items()] or ["none"]),
            ]
        else:
            lines.append(f"- {title}: {value}")
    return "\n".join([*lines, *tables]) + "\n"


def _told(violations: list[dict[str, Any]]) -> list[str]:
    lines: list[str] = []
    for one in violations:
        lines += [f"- {one['kind']}: {one['found']}", *(f"      {line}" for line in one["story"])]
    return lines
