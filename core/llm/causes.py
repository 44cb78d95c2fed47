"""What went wrong, read from status, error body and content type: one kind and one line. Pure."""

from __future__ import annotations

import email.utils
import json
import re
from collections.abc import Mapping
from typing import Any

from core.llm.endpoint import EndpointError, Kind
from utils.text import cap, redact
from utils.untrusted import plain

_LINE = 300
_TITLE = re.compile(r"<title[^<>]{0,200}>([^<]{0,1000})</title>", re.IGNORECASE)
# Characters of a body that are read for its cause, and levels of JSON that are read at all.
_MOST_TEXT = 20_000
_WEB_PAGE = re.compile(r"^\s*(<!doctype html|<html|<head|<body)", re.IGNORECASE)
# Servers quote the key that they refuse, some in full, some with its middle masked.
_QUOTED_KEY = re.compile(
    r"((?:api|access)[ _-]?(?:key|token)[^:]{0,40}: ?)[^\s,;]{6,}", re.IGNORECASE
)

# The first match decides. Servers agree on neither status nor code for these, but on these words.
_WORDS: Mapping[Kind, re.Pattern[str]] = {
    "context": re.compile(
        r"context_length|context.window|context.size|maximum context|context length|prompt is too long"
        r"|input is too long|too many (input )?tokens in|request_too_large|reduce the length",
        re.IGNORECASE,
    ),
    "quota": re.compile(
        r"insufficient_quota|exceeded your current quota|credit balance|insufficient.balance|billing",
        re.IGNORECASE,
    ),
    "auth": re.compile(
        r"api[ _-]?key (is )?(not valid|invalid|missing|expired)"
        r"|(invalid|incorrect|wrong)[ _-]api[ _-]?key",
        re.IGNORECASE,
    ),
    "not_found": re.compile(
        r"model[^.]{0,80}(not (exist|found|available|supported)|does not exist)"
        r"|(unknown|invalid|no such) model|model_not_found",
        re.IGNORECASE,
    ),
}
_RATE = re.compile(
    r"rate.?limit|per (?:minute|second|day|hour)|retry (?:in|after) [\d.]+ ?s|try again in",
    re.IGNORECASE,
)
_WAIT = re.compile(r"(?:retry|try again) (?:in|after) ([\d.]+) ?s", re.IGNORECASE)
_BY_STATUS: Mapping[int, Kind] = {
    401: "auth", 402: "quota", 403: "auth", 404: "not_found", 405: "not_found", 408: "timeout", 409: "server",
    413: "context", 425: "rate", 429: "rate",
}  # fmt: skip
_BY_TYPE: Mapping[str, Kind] = {
    "authentication_error": "auth", "permission_error": "auth", "billing_error": "quota", "rate_limit_error": "rate",
    "rate_limit_exceeded": "rate", "not_found_error": "not_found", "timeout_error": "timeout",
}  # fmt: skip
_SAID: Mapping[Kind, str] = {
    "auth": "the key was refused",
    "quota": "the quota of this key is used up",
    "rate": "too many requests",
    "server": "the server failed",
    "timeout": "the server gave up",
    "context": "the prompt is too long",
    "not_found": "no such model or address",
    "not_an_api": "a web page answered instead of a model (is base_url right?)",
    "bad_request": "the request was refused",
}


def from_status(
    status: int, body: Any, headers: Mapping[str, str], keys: tuple[str, ...] = ()
) -> EndpointError:
    """The error that a status of 300 or more stands for. body: parsed JSON, or text."""
    text, code = error_text(body)
    kind = _kind(status, text, code, is_web_page(body))
    if 300 <= status < 400:
        target = one_line(headers.get("location", "nowhere"), keys)
        detail = (
            f"the address redirects to {target}; redirects are not followed, set base_url to it"
        )
    else:
        detail = f"{_SAID.get(kind, 'the request failed')} (HTTP {status})"
        if text:
            detail = f"{detail}: {one_line(text, keys)}"
    wait = retry_after(headers)
    wait_in_words = _WAIT.search(text)
    if wait is None and wait_in_words:
        wait = _number(wait_in_words.group(1).rstrip("."))
    return EndpointError(kind, detail, wait)


def from_event(body: Any, keys: tuple[str, ...] = ()) -> EndpointError:
    """The error that an error object within a stream, or under status 200, stands for."""
    text, code = error_text(body)
    status = 500
    if code.isdigit():
        status = int(code)
    elif "invalid_request" in code:
        status = 400
    kind = _kind(status, text, code, web_page=False)
    return EndpointError(
        kind, f"{_SAID.get(kind, 'the request failed')}: {one_line(text or code, keys)}"
    )


def _kind(status: int, text: str, code: str, web_page: bool) -> Kind:
    if status >= 500:
        return _BY_TYPE.get(code, "server")
    if status == 429:
        # Messages on rate limits speak of billing too.
        per_minute = code in _BY_TYPE or _RATE.search(text)
        if not per_minute and _WORDS["quota"].search(f"{code} {text}"):
            return "quota"
        return _BY_TYPE.get(code, "rate")
    if web_page or 300 <= status < 400:
        return "not_an_api"
    if code in _BY_TYPE:
        return _BY_TYPE[code]
    if status in (400, 404, 413, 422):
        for kind, words in _WORDS.items():
            if words.search(f"{code} {text}"):
                return kind
    return _BY_STATUS.get(status, "bad_request")


def error_text(body: Any) -> tuple[str, str]:
    """(message, code or type) of an error body in any of the usual forms; "" where there is none."""
    if isinstance(body, bytes):
        body = body.decode(errors="replace")
    if isinstance(body, str):
        return _error_in_text(body)
    if body is None:
        return "", ""
    if not isinstance(body, dict):
        return str(body), ""
    inner = body.get("error", body)
    if not isinstance(inner, dict):
        return str(inner), ""
    message = inner.get("message") or inner.get("detail") or inner.get("msg")
    if not isinstance(message, str) or not message:
        message = json.dumps(inner, default=str)
    code = inner.get("code")
    if not isinstance(code, str):
        code = inner.get("type") or code or ""
    return message, str(code)


def _error_in_text(text: str) -> tuple[str, str]:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return page_text(text), ""
    if isinstance(parsed, dict):
        return error_text(parsed)
    return text, ""


def is_web_page(body: Any) -> bool:
    if isinstance(body, bytes):
        body = body[:500].decode(errors="replace")
    return isinstance(body, str) and bool(_WEB_PAGE.match(body))


def page_text(text: str) -> str:
    """A web page's title, any other text as it is."""
    if not is_web_page(text):
        return text
    title = _TITLE.search(text[:_MOST_TEXT])
    return f'web page "{title.group(1).strip()}"' if title else "web page"


def web_page(body: bytes | str) -> EndpointError:
    """A page with status 200 where an answer was expected."""
    return EndpointError("not_an_api", f"{_SAID['not_an_api']}: {one_line(error_text(body)[0])}")


def one_line(text: str, keys: tuple[str, ...] = ()) -> str:
    """The text for a log: one line of bounded length without keys."""
    clean = _QUOTED_KEY.sub(r"\1***", redact(plain(text[:_MOST_TEXT]), keys))
    return cap(" ".join(clean.split()), _LINE, 0.8).replace("\n", " ")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait: a number, milliseconds in retry-after-ms, or a date
    (against its own).
    """
    if (ms := _number(headers.get("retry-after-ms"))) is not None:
        return ms / 1000
    if (seconds := _number(headers.get("retry-after"))) is not None:
        return seconds
    then, now = _moment(headers.get("retry-after")), _moment(headers.get("date"))
    if then is None or now is None:
        return None
    return max(then - now, 0.0)


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if 0 <= number < 1e9 else None


def _moment(value: str | None) -> float | None:
    parsed = email.utils.parsedate_tz(value or "")
    return None if parsed is None else float(email.utils.mktime_tz(parsed))
