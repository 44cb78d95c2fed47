"""One scripted answer in the words of both vendors, as a stream and in one piece."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Fault = Literal[
    "hang",  # no byte ever
    "drop",  # the connection closes without an answer
    "drop_midway",  # it breaks within the stream
    "early_end",  # the stream ends politely, but too early
    "silent_midway",  # the stream starts and falls silent
    "truncated",  # one JSON body, shorter than it says
    "broken_json",  # one JSON body that is cut off
    "html",  # a web page with status 200
    "garbage",  # random bytes, for ever, as fast as they are taken
    "flood",  # well-formed pieces of text, for ever
    "trickle",  # a byte now and then, never a line
    "head_trickle",  # the same within the headers
    "wrong_events",  # a stream of JSON that no model sends
    "no_json",  # a stream of text that is no JSON
    "error_event",  # an error in the middle of the stream
    "plain",  # a good answer, but not as a stream
]


@dataclass(frozen=True)
class Turn:
    """One answer."""

    # Of the answer.
    text: str = ""
    # What the server does instead of answering.
    fault: Fault | None = None
    # 300 and more sends `error` instead of text.
    status: int = 200
    # A message, a whole body or HTML.
    error: Any = "something went wrong"
    # Of the response, beside the usual ones.
    headers: dict[str, str] = field(default_factory=dict)
    # Why the model stopped.
    finish: Literal["stop", "length", "refusal"] = "stop"
    # Sent beside the text, as both vendors do.
    thoughts: str = ""
    # Seconds before the first byte.
    latency: float = 0.0
    # Whether tokens are counted.
    usage: bool = True
    # Of the prompt, of its part from a cache, of the answer.
    tokens: tuple[int, int, int] = (100, 40, 20)
    # Pieces of a stream.
    chunks: int = 4
    # An answer to a request that asks for a tool's call calls it; the text holds its arguments.
    as_tool: bool = True


def pieces(text: str, count: int) -> list[str]:
    """The text in at most `count` parts; none for an empty one."""
    size = max(1, -(-len(text) // count))
    return [text[start : start + size] for start in range(0, len(text), size)]


def sse(data: Any, event: str | None = None) -> bytes:
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()


def forced_tool(body: dict[str, Any]) -> dict[str, Any] | None:
    """The function that a chat/completions request must be answered by a call of: name and
    parameters; None where it is free.
    """
    functions = [tool.get("function", {}) for tool in body.get("tools") or ()]
    choice = body.get("tool_choice")
    if choice == "required" and len(functions) == 1:
        return functions[0]
    if not isinstance(choice, dict):
        return None
    wanted = choice.get("function", {}).get("name")
    return next((function for function in functions if function.get("name") == wanted), None)


class OpenAiWords:
    """chat/completions."""

    finishes = {"stop": "stop", "length": "length", "refusal": "content_filter"}

    def error(self, turn: Turn) -> Any:
        return {"error": {"message": turn.error, "type": "some_error", "param": None, "code": None}}

    def whole(self, turn: Turn, body: dict[str, Any]) -> dict[str, Any]:
        message = {"role": "assistant", **self._said(turn.text, turn, body)}
        choice = {"index": 0, "message": message, "finish_reason": self._finish(turn, body)}
        return {
            "id": "x",
            "object": "chat.completion",
            "created": 1,
            "model": body["model"],
            "choices": [choice],
        } | ({"usage": self.usage(turn)} if turn.usage else {})

    def stream(self, turn: Turn, body: dict[str, Any]) -> Iterator[bytes]:
        yield self._chunk(body, {"role": "assistant", "content": ""})
        for part in pieces(turn.thoughts, turn.chunks):
            yield self._chunk(body, {"reasoning_content": part})
        for place, part in enumerate(pieces(turn.text, turn.chunks)):
            yield self._chunk(body, self._said(part, turn, body, first=place == 0))
        yield self._chunk(body, {}, self._finish(turn, body))
        if turn.usage and body.get("stream_options"):
            yield sse(self._object(body) | {"choices": [], "usage": self.usage(turn)})
        yield sse("[DONE]")

    def _said(
        self, text: str, turn: Turn, body: dict[str, Any], first: bool = True
    ) -> dict[str, Any]:
        """A text, whole or a piece, where the request wants it. first: the piece names the call."""
        tool = forced_tool(body)
        if tool is None or not turn.as_tool:
            return {"content": text}
        call: dict[str, Any] = {"index": 0, "function": {"arguments": text}}
        if first:
            call |= {"id": "call_1", "type": "function"}
            call["function"] = {"name": tool["name"], "arguments": text}
        return {"content": None, "tool_calls": [call]}

    def _finish(self, turn: Turn, body: dict[str, Any]) -> str:
        if turn.finish == "stop" and turn.as_tool and forced_tool(body) is not None:
            return "tool_calls"
        return self.finishes[turn.finish]

    def piece(self, text: str, body: dict[str, Any]) -> bytes:
        return self._chunk(body, {"content": text})

    def error_event(self) -> bytes:
        return sse(
            {"error": {"message": "overloaded for now", "type": "server_error", "code": None}}
        )

    def usage(self, turn: Turn) -> dict[str, Any]:
        prompt, cached, completion = turn.tokens
        details = {"prompt_tokens_details": {"cached_tokens": cached}}
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            **details,
        }

    def _object(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": body["model"]}

    def _chunk(
        self, body: dict[str, Any], delta: dict[str, Any], finish: str | None = None
    ) -> bytes:
        return sse(
            self._object(body)
            | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
        )


class AnthropicWords:
    """messages."""

    finishes = {"stop": "end_turn", "length": "max_tokens", "refusal": "refusal"}

    def error(self, turn: Turn) -> Any:
        return {"type": "error", "error": {"type": "some_error", "message": turn.error}}

    def whole(self, turn: Turn, body: dict[str, Any]) -> dict[str, Any]:
        content = [self._whole_block(turn, body)] if turn.text else []
        finish = {"stop_reason": self.finishes[turn.finish], "stop_sequence": None}
        return self._message(turn, body) | {"content": content} | finish

    def stream(self, turn: Turn, body: dict[str, Any]) -> Iterator[bytes]:
        yield self._event("message_start", message=self._message(turn, body))
        yield self._event("ping")
        if turn.thoughts:
            thinking = {"type": "thinking", "thinking": "", "signature": ""}
            yield from self._block(
                0, thinking, "thinking_delta", "thinking", pieces(turn.thoughts, turn.chunks)
            )
        if self._calls(turn, body):
            tool = {"type": "tool_use", "id": "t", "name": body["tools"][0]["name"], "input": {}}
            yield from self._block(
                1, tool, "input_json_delta", "partial_json", pieces(turn.text, turn.chunks)
            )
        elif turn.text:
            text = {"type": "text", "text": ""}
            yield from self._block(1, text, "text_delta", "text", pieces(turn.text, turn.chunks))
        delta = {"stop_reason": self.finishes[turn.finish], "stop_sequence": None}
        yield self._event(
            "message_delta",
            delta=delta,
            usage={"output_tokens": turn.tokens[2] if turn.usage else 0},
        )
        yield self._event("message_stop")

    def piece(self, text: str, body: dict[str, Any]) -> bytes:
        return self._event(
            "content_block_delta", index=0, delta={"type": "text_delta", "text": text}
        )

    def error_event(self) -> bytes:
        return self._event(
            "error", error={"type": "overloaded_error", "message": "overloaded for now"}
        )

    def _message(self, turn: Turn, body: dict[str, Any]) -> dict[str, Any]:
        prompt, cached, completion = turn.tokens if turn.usage else (0, 0, 0)
        usage = {
            "input_tokens": prompt - cached,
            "cache_read_input_tokens": cached,
            "output_tokens": completion,
        }
        head = {
            "id": "x",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": [],
        }
        return head | {"stop_reason": None, "stop_sequence": None, "usage": usage}

    def _whole_block(self, turn: Turn, body: dict[str, Any]) -> dict[str, Any]:
        if self._calls(turn, body):
            return {
                "type": "tool_use",
                "id": "t",
                "name": body["tools"][0]["name"],
                "input": json.loads(turn.text),
            }
        return {"type": "text", "text": turn.text}

    def _calls(self, turn: Turn, body: dict[str, Any]) -> bool:
        return bool(turn.as_tool and turn.text and body.get("tools"))

    def _block(
        self, index: int, block: dict[str, Any], kind: str, name: str, parts: list[str]
    ) -> Iterator[bytes]:
        yield self._event("content_block_start", index=index, content_block=block)
        for part in parts:
            yield self._event("content_block_delta", index=index, delta={"type": kind, name: part})
        yield self._event("content_block_stop", index=index)

    def _event(self, kind: str, **fields: Any) -> bytes:
        return sse({"type": kind, **fields}, kind)


WORDS: dict[str, OpenAiWords | AnthropicWords] = {
    "openai": OpenAiWords(),
    "anthropic": AnthropicWords(),
}
