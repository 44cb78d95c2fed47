"""An answer as far as it has come; shared with the thread that waits for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from core.llm.endpoint import EndpointError, Finish, Reply, TokenUsage
from core.llm.texts import estimated_usage
from core.records import Request

_MOST_EVENTS = 200_000


@dataclass
class PartialReply:
    """Pieces of texts and of JSON, as the events of a stream bring them."""

    # More text than this is no answer to anything that was asked.
    max_chars: int
    # Pieces of the text.
    parts: list[str] = field(default_factory=list)
    # Pieces of the JSON that a tool was called with.
    data: list[str] = field(default_factory=list)
    # Pieces of what the model says when it declines.
    refusal: list[str] = field(default_factory=list)
    # None while the server has not told.
    usage: TokenUsage | None = None
    finish: Finish | None = None
    # The server said that it is done.
    ended: bool = False
    # How many there were.
    events: int = 0
    # Of all pieces together.
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
        usage, guess = self.usage or TokenUsage(), estimated_usage(request, self.text())
        completion = usage.completion
        if self.finish is None or completion == 0:
            completion = max(completion, guess.completion)
        return TokenUsage(usage.prompt or guess.prompt, usage.cached, completion)

    def reply(self, request: Request) -> Reply:
        """Raises EndpointError when the stream just stopped."""
        if self.finish is None and not self.ended:
            raise EndpointError("connection", "the stream ended in the middle of the answer")
        finish = self.finish or "stop"
        if self.refusal and not self.parts:
            finish = "refusal"
        return Reply(self.text(), finish, self.spent(request))


def get(value: Any, *names: str) -> Any:
    """A field below objects of an SDK or plain JSON; None where anything on the way is missing."""
    for name in names:
        if isinstance(value, dict):
            value = value.get(name)
        else:
            value = getattr(value, name, None)
    return value


def count_of(value: Any, *names: str) -> int:
    """A number of tokens; 0 where there is none."""
    number = get(value, *names)
    if type(number) is not int:
        return 0
    return max(number, 0)


def items(value: Any) -> list[Any]:
    """A list, or nothing."""
    return value if isinstance(value, list) else []
