"""What was heard of an answer so far; shared with the thread that waits for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from core.llm.endpoint import EndpointError, Finish, Reply, TokenUsage
from core.llm.texts import estimated_usage
from core.records import Request

_MOST_EVENTS = 200_000


@dataclass
class PartialReply:
    """max_chars: text beyond this is no answer to anything that was asked. ended: the server said
    that it is done.
    """

    max_chars: int
    parts: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    usage: TokenUsage | None = None
    finish: Finish | None = None
    ended: bool = False
    events: int = 0
    chars: int = 0

    def text(self) -> str:
        """What a tool was called with goes before words about it. Always text that a file can hold."""
        text = "".join(self.data or self.parts or self.refusal)
        # Servers cut between the two halves of a character, or send one of them only.
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def add(self, target: list[str], piece: Any) -> None:
        """Raises EndpointError for what is no text, and for more of it than could have been asked
        for.
        """
        if piece is None or piece == "":
            return
        if not isinstance(piece, str):
            raise EndpointError(
                "garbage", f"expected text in the stream, got {type(piece).__name__}"
            )
        self.chars += len(piece)
        if self.chars > self.max_chars:
            raise EndpointError(
                "garbage", f"the answer does not end (more than {self.max_chars} characters)"
            )
        target.append(piece)

    def count(self) -> None:
        self.events += 1
        if self.events > _MOST_EVENTS:
            raise EndpointError(
                "garbage", f"the stream does not end (more than {_MOST_EVENTS} events)"
            )

    def spent(self, request: Request) -> TokenUsage:
        """What the answer so far costs, as told or estimated; nothing when nothing came."""
        if not self.events:
            return TokenUsage()
        told, guess = self.usage or TokenUsage(), estimated_usage(request, self.text())
        done = self.finish is not None and told.completion > 0
        completion = told.completion if done else max(told.completion, guess.completion)
        return TokenUsage(told.prompt or guess.prompt, told.cached, completion)

    def reply(self, request: Request) -> Reply:
        """Raises EndpointError when the stream just stopped."""
        if self.finish is None and not self.ended:
            raise EndpointError("connection", "the stream ended in the middle of the answer")
        finish: Finish = "refusal" if self.refusal and not self.parts else self.finish or "stop"
        return Reply(self.text(), finish, self.spent(request))


def get(value: Any, *names: str) -> Any:
    """A field below objects of an SDK or plain JSON; None where anything on the way is missing."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
    return value


def count_of(value: Any, *names: str) -> int:
    """A number of tokens; 0 where there is none."""
    number = get(value, *names)
    return number if type(number) is int and number > 0 else 0


def items(value: Any) -> list[Any]:
    """A list, or nothing."""
    return value if isinstance(value, list) else []
