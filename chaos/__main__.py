"""Kill what runs, again and again, and check every promise: `make chaos KILLS=100`, `SEED=7`, `ENGINE=sqlite`."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

from chaos import report
from chaos.world import HEALS_WITHIN_S, LAST_CLIENT_WITHIN_S, MOST_S_FOR_A_KILL, Result, World

ENGINES = ("sqlite", "postgresql")
STARTS_AND_STOPS_WITHIN_S = 180
MOST_SHOWN = 20


class Stop(BaseException):
    """Somebody asked for the end, or the time is over."""


def main() -> int:
    """Return 0 if nothing was lost, doubled, stuck or broken."""
    asked = _arguments()
    engines = ENGINES if asked.engine == "both" else (asked.engine,)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, _stop)
    results: list[Result] = []
    try:
        for engine in engines:
            signal.alarm(_longest_s(asked.kills))
            results.append(_run(engine, asked))
            print(report.line(results[-1]), flush=True)
    except Stop as stop:
        print(f"Stopped by {stop}; everything that was started has been ended.")
        return 1
    finally:
        signal.alarm(0)
    page = report.write(results)
    for result in results:
        for one in result.findings[:MOST_SHOWN]:
            print(f"{result.engine}: {one.kind}: {one.found}")
    print(f"{page} tells the story of each and says more.")
    return int(any(result.findings for result in results))


def _stop(number: int, _frame: FrameType | None) -> None:
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(each, lambda *_: None)  # a second Ctrl-C must not leave somebody running
    raise Stop(signal.Signals(number).name)


def _run(engine: str, asked: argparse.Namespace) -> Result:
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    try:
        logs = (report.FOLDER / engine).absolute()
        return World(
            engine, folder, logs, kills=asked.kills, seed=asked.seed, clients=asked.clients, is_hurried=False
        ).run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _longest_s(kills: int) -> int:
    """Return the seconds after which a run is broken off, whatever it does."""
    load = MOST_S_FOR_A_KILL * max(3, kills)
    return int(load + HEALS_WITHIN_S + LAST_CLIENT_WITHIN_S + STARTS_AND_STOPS_WITHIN_S)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--engine", choices=(*ENGINES, "both"), default="both")
    parser.add_argument("--kills", type=int, default=20, help="how many on each engine")
    parser.add_argument("--seed", type=int, default=1, help="decides whom, when, and what people do")
    parser.add_argument("--clients", type=int, default=6)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
