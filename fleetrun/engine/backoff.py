"""Full-jitter backoff: retries of many devices must not come in step."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Delays between attempts: uniform in [0, min(cap, base * 2^n)].

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """

    base_s: float = 1.0
    cap_s: float = 30.0
    seed: str = ""

    def delay_s(self, device: str, attempt: int) -> float:
        """Returns seconds to wait after the failed `attempt` (from 1)."""
        ceiling = min(self.cap_s, self.base_s * 2 ** min(attempt - 1, 16))
        # Not for secrets: spreads load, and the same seed gives the same run.
        return random.Random(f"{self.seed}/{device}/{attempt}").uniform(0, ceiling)  # noqa: S311
