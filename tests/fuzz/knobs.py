"""How long to fuzz, and from which seed: FUZZ_EXAMPLES and FUZZ_SEED; without the first it is a short run."""

from __future__ import annotations

import os

LONG = "FUZZ_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "6"))
SEED = int(os.environ.get("FUZZ_SEED", "2026"))
ENGINES = ("sqlite", "postgresql") if LONG else ("sqlite",)
