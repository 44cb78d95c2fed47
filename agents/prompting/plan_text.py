"""Plans of finished programs as they stand in a task. A model wrote them: they are data like any text
from outside. Pure.
"""

from __future__ import annotations

from agents.prompting.phrases import Phrases
from agents.prompting.plan_line import plan_line
from utils.untrusted import fence

# Characters of a plan.
PLAN = 300


class PlanText:
    """told: what stands above the task and is fenced; a plan that is there in full is not said again,
    for the reader finds it by the id of its program.
    """

    def __init__(self, phrases: Phrases, told: str) -> None:
        self._phrase = phrases
        self._told = told

    def paragraph(self, plan: str) -> str:
        """A plan of its own between markers, with the words before it; "" where it has been told."""
        line = plan_line(plan, PLAN)
        if not line or self.has(plan):
            return ""
        return self._phrase("parent", "plan", plan=fence(line, "notes"))

    def behind(self, head: str, plan: str, limit: int) -> str:
        """A line of a list, to be fenced: what is said of a program, then its plan in what is left of
        so many characters; without the plan where it has been told.
        """
        if not plan or self.has(plan):
            return head
        return plan_line(plan, limit, f"{head}:")

    def has(self, plan: str) -> bool:
        """The plan ends a line of what is told."""
        return f": {plan_line(plan, PLAN)}\n" in f"{self._told}\n"
