"""Steps and seconds: what is spent, what remains, what is kept back for the end. Pure arithmetic,
clock handed in.
"""

from __future__ import annotations

from dataclasses import dataclass

RESERVE_SHARE = 0.1
RESERVE_MIN_S = 10.0
RESERVE_MAX_S = 3600.0
# The share of a run that is kept back at most, whatever the end is expected to cost.
RESERVE_AT_MOST = 0.3
# The same where a language model writes: its programs take as long as they are told they may, so
# that the end would take the bound whatever it is. The final pick makes do with what there is.
MODEL_RESERVE_AT_MOST = 0.15
# The next execution of a program may take so much longer than those that were measured.
SAFETY = 1.3
# Between the last execution and the deadline.
FINAL_MARGIN_S = 3.0


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of one run. Times are seconds on the caller's clock.

    deadline: absolute end of the run. reserve_s is kept back before it for ensemble, final pick and
    refit; it grows with what they will cost, up to the share reserve_at_most of the run.
    """

    max_steps: int
    started: float
    deadline: float
    reserve_s: float
    reserve_at_most: float = RESERVE_AT_MOST

    @classmethod
    def plan(
        cls,
        max_steps: int,
        started: float,
        deadline: float,
        reserve_at_most: float = RESERVE_AT_MOST,
    ) -> Budget:
        reserve = min(max(RESERVE_SHARE * (deadline - started), RESERVE_MIN_S), RESERVE_MAX_S)
        reserve = min(reserve, 0.5 * max(deadline - started, 0.0))
        return cls(max_steps, started, deadline, reserve, reserve_at_most)

    def elapsed(self, now: float) -> float:
        return now - self.started

    def remaining(self, now: float) -> float:
        """Seconds to the deadline, never negative."""
        return max(self.deadline - now, 0.0)

    def reserve(self, end_s: float) -> float:
        """Seconds to keep back for an end whose executions would take `end_s` as they were measured."""
        wanted = SAFETY * end_s + FINAL_MARGIN_S
        most = self.reserve_at_most * (self.deadline - self.started)
        return max(self.reserve_s, min(wanted, most))

    def progress(self, steps: int, now: float) -> float:
        """Share of the search that is over, by whichever of steps and seconds is further."""
        span = self.deadline - self.reserve_s - self.started
        by_time = by_steps = 1.0
        if span > 0:
            by_time = (now - self.started) / span
        if self.max_steps > 0:
            by_steps = steps / self.max_steps
        return min(max(by_time, by_steps, 0.0), 1.0)
