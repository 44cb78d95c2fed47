"""Keys, waiting, the circuit and the caps, over the real clients."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmark.scripted_server import ScriptedServer as Server
from benchmark.scripted_server import Turn
from core.llm.breaker import Breaker
from core.llm.endpoint import EndpointError
from core.llm.keys import KeyRing, split_keys
from tests.llm.rig import KEY, POLICY, VENDORS, Rig, request
from utils.errors import Interrupted

GOOD = Turn("x = 1")
OTHER = "key-of-the-second-account"


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# ---------------------------------------------------------------- keys


def test_keys_take_turns(vendor: str) -> None:
    with Server(then=GOOD) as server:
        rig = Rig(vendor, server, keys=(KEY, OTHER))
        for _ in range(4):
            rig.ask()
    assert [seen.key for seen in server.requests] == [KEY, OTHER] * 2


def test_a_refused_key_is_dropped_and_the_other_goes_on(vendor: str) -> None:
    with Server(then=GOOD, by_key={KEY: Turn(status=401, error="invalid")}) as server:
        rig = Rig(vendor, server, keys=(KEY, OTHER))
        for _ in range(3):
            assert rig.ask().text == GOOD.text
        assert rig.model.available
    assert [seen.key for seen in server.requests] == [KEY, OTHER, OTHER, OTHER]
    assert rig.waits == []


def test_when_every_key_is_refused_the_model_is_not_available(vendor: str) -> None:
    with Server(then=Turn(status=401, error="invalid")) as server:
        rig = Rig(vendor, server, keys=(KEY, OTHER))
        error = rig.fail()
        assert (error.kind, error.permanent) == ("auth", True)
        assert not rig.model.available
        assert len(server.requests) == 2
        rig.fail()
        assert len(server.requests) == 2
        # Their owner may have mended them.
        rig.pass_time(1900)
        assert rig.model.available
        rig.fail()
        assert len(server.requests) > 2


def test_a_key_that_asks_too_often_rests_while_another_goes_on(vendor: str) -> None:
    slow = Turn(status=429, error="slow down", headers={"Retry-After": "50"})
    with Server(then=GOOD, by_key={KEY: slow}) as server:
        rig = Rig(vendor, server, keys=(KEY, OTHER))
        for _ in range(3):
            rig.ask()
    assert [seen.key for seen in server.requests] == [KEY, OTHER, OTHER, OTHER]
    assert rig.waits == []


def test_comma_separated_keys() -> None:
    assert split_keys(" a, b,,a ") == ("a", "b")
    assert split_keys(None) == ()


def test_rests_grow_and_end() -> None:
    now = [0.0]
    ring = KeyRing(["a"], lambda: now[0], first_rest_s=2.0)
    rests = []
    for _ in range(3):
        ring.failed("a", EndpointError("rate", "m"))
        rests.append(ring.wait_s)
    assert rests == [2.0, 4.0, 8.0]
    ring.failed("a", EndpointError("rate", "m", retry_after=1e8))
    assert ring.wait_s == 1800
    ring.worked("a")
    assert ring.next() == ("a", 0.0)


# ---------------------------------------------------------------- waiting


def test_retry_after_is_kept(vendor: str) -> None:
    slow = Turn(status=429, error="slow down", headers={"Retry-After": "7"})
    with Server([slow, GOOD]) as server:
        rig = Rig(vendor, server)
        assert rig.ask().text == GOOD.text
    assert rig.waits == [pytest.approx(7, abs=0.5)]


def test_retry_after_of_a_server_error_is_kept(vendor: str) -> None:
    with Server([Turn(status=503, error="busy", headers={"Retry-After": "5"}), GOOD]) as server:
        rig = Rig(vendor, server)
        rig.ask()
    assert rig.waits == [5.0]


@pytest.mark.parametrize(("after", "seconds"), [("3600", 10_000.0), ("30", 20.0)])
def test_a_wait_that_is_too_long_is_not_waited(vendor: str, after: str, seconds: float) -> None:
    slow = Turn(status=429, error="slow down", headers={"Retry-After": after})
    with Server(then=slow) as server:
        rig = Rig(vendor, server)
        assert "slow down" in str(rig.fail(seconds=seconds))
        assert rig.model.available is (after == "30")
    assert rig.waits == []
    assert len(server.requests) == 1


def test_waits_double_with_jitter_and_stay_within_the_deadline(vendor: str) -> None:
    policy = dataclasses.replace(POLICY, attempts=50, failures=50)
    with Server(then=Turn(status=500)) as server:
        rig = Rig(vendor, server, policy=policy)
        rig.fail(seconds=30)
    assert sum(rig.waits) < 30
    assert all(2 ** (n + 1) / 2 <= wait <= 2 ** (n + 1) for n, wait in enumerate(rig.waits))
    assert 3 <= len(rig.waits) <= 5
    assert len(set(wait / 2**n for n, wait in enumerate(rig.waits))) == len(rig.waits)


def test_a_stop_ends_the_waiting(vendor: str) -> None:
    with Server(then=Turn(status=500)) as server:
        rig = Rig(vendor, server)

        def stop(seconds: float) -> None:
            raise Interrupted("stopped")

        rig.model._sleep = stop
        with pytest.raises(Interrupted):
            rig.ask()
        assert len(server.requests) == 1


# ---------------------------------------------------------------- the circuit


def test_the_circuit_opens_and_one_call_tries_again(vendor: str) -> None:
    policy = dataclasses.replace(POLICY, attempts=2, failures=2)
    with Server([Turn(status=500)] * 3, then=GOOD) as server:
        rig = Rig(vendor, server, policy=policy)
        rig.fail()
        assert not rig.model.available
        error = rig.fail()
        assert (error.kind, error.permanent) == ("open", False)
        assert "the server failed (HTTP 500)" in str(error)
        assert len(server.requests) == 2
        rig.pass_time(61)
        assert rig.model.available
        rig.fail()
        # The try failed: one request, and twice the rest.
        assert len(server.requests) == 3
        rig.pass_time(61)
        assert not rig.model.available
        rig.pass_time(61)
        assert rig.ask().text == GOOD.text
        assert rig.ask().text == GOOD.text


def test_half_open_lets_one_call_through() -> None:
    now = [0.0]
    breaker = Breaker(lambda: now[0], failures=1, rest_s=10, longest_rest_s=100)
    assert breaker.admit()
    breaker.failed("broken")
    assert not breaker.admit()
    now[0] = 11
    assert breaker.admit()
    assert not breaker.admit()
    assert breaker.wait_s > 0
    breaker.let_go()
    assert breaker.admit()
    breaker.succeeded()
    assert breaker.admit()
    assert breaker.admit()
    breaker.failed("gone", for_good=True)
    assert breaker.wait_s == 100


def test_rests_of_the_circuit_grow_up_to_a_bound() -> None:
    now, rests = [0.0], []
    breaker = Breaker(lambda: now[0], failures=1, rest_s=10, longest_rest_s=35)
    for _ in range(5):
        assert breaker.admit()
        breaker.failed("broken")
        rests.append(breaker.wait_s)
        now[0] += breaker.wait_s
    assert rests == [10, 20, 35, 35, 35]


# ---------------------------------------------------------------- caps


def test_lesson_20_a_prompt_of_a_hundred_megabytes_is_not_sent(vendor: str) -> None:
    with Server(then=GOOD) as server:
        rig = Rig(vendor, server)
        error = rig.fail(request("x" * 100_000_000))
        assert rig.model.available
    assert (error.kind, error.permanent) == ("context", True)
    assert server.requests == []


@pytest.mark.parametrize(
    ("policy", "spent", "said"),
    [
        ({"max_tokens": 1000}, (1000, None), "llm.max_total_tokens is reached: 1000 of 1000"),
        ({"max_usd": 2.5}, (10, 2.5), "llm.max_cost_usd is reached: 2.50 of 2.50 USD"),
        ({"max_usd": 2.5}, (10, None), "an unknown cost of 2.50 USD"),
    ],
)
def test_a_cap_ends_all_calls(
    vendor: str, policy: dict[str, float], spent: tuple[int, float | None], said: str
) -> None:
    with Server(then=GOOD) as server:
        rig = Rig(vendor, server, policy=dataclasses.replace(POLICY, **policy), spent=spent)
        assert not rig.model.available
        error = rig.fail()
    assert (error.kind, error.permanent) == ("cap", True)
    assert said in str(error)
    assert server.requests == []


def test_tokens_add_up_to_the_cap(vendor: str) -> None:
    with Server(then=GOOD) as server:
        rig = Rig(vendor, server, policy=dataclasses.replace(POLICY, max_tokens=300))
        for _ in range(3):
            rig.ask()
        assert rig.fail().kind == "cap"
    assert len(server.requests) == 3


def test_costs_are_in_the_ledger_also_of_failures(vendor: str) -> None:
    prices = {"some": (1.0, 0.5, 10.0)}
    with Server([Turn("", tokens=(100, 0, 20)), GOOD]) as server:
        rig = Rig(vendor, server, prices=prices)
        rig.ask()
    costs = [event.cost_usd for event in rig.events]
    assert costs == [pytest.approx(300e-6), pytest.approx((60 + 20 + 200) * 1e-6)]


def test_tokens_are_estimated_where_the_server_does_not_count(vendor: str) -> None:
    with Server([Turn("x" * 400, usage=False)]) as server:
        rig = Rig(vendor, server)
        rig.ask(request("y" * 800))
    assert 90 < rig.events[0].completion_tokens < 110
    assert 190 < rig.events[0].prompt_tokens < 220


def test_halves_of_characters_do_not_get_out(vendor: str) -> None:
    """A server that cuts a character in two, and one that sends a half only."""
    with Server([Turn("x = '\ud83d\ude00 \ud83d'", chunks=9)]) as server:
        rig = Rig(vendor, server)
        assert rig.ask().text == "x = '\U0001f600 \ufffd'"


# ---------------------------------------------------------------- threads, and what must not get out


def test_many_threads_share_a_model(vendor: str) -> None:
    with Server(
        then=lambda seen: Turn(seen.body["messages"][-1]["content"], latency=0.05)
    ) as server:
        rig = Rig(vendor, server, policy=dataclasses.replace(POLICY, concurrency=3))
        names = [f"number {n}" for n in range(12)]
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda name: rig.ask(request(name)).text, names))
    assert answers == names
    assert 1 < server.most_busy <= 3


def test_nobody_waits_for_a_slot_beyond_the_deadline(vendor: str) -> None:
    with Server(then=Turn(fault="hang")) as server:
        rig = Rig(
            vendor,
            server,
            policy=dataclasses.replace(POLICY, concurrency=1, timeout_s=2.0, attempts=1),
        )
        first = threading.Thread(target=rig.fail)
        first.start()
        end = time.monotonic() + 20
        while not server.requests and time.monotonic() < end:
            time.sleep(0.01)
        assert "too many requests at a time" in str(rig.fail(seconds=0.7))
        server.over.set()
        first.join()


def test_lesson_24_keys_and_addresses_of_others_stay_here(
    vendor: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    strangers = {
        "OPENAI_API_KEY": "stranger-1", "OPENAI_ORG_ID": "stranger-2", "OPENAI_PROJECT_ID": "stranger-3",
        "OPENAI_ADMIN_KEY": "stranger-4", "ANTHROPIC_API_KEY": "stranger-5", "ANTHROPIC_AUTH_TOKEN": "stranger-6",
        "OPENAI_BASE_URL": "http://127.0.0.1:9/stranger", "ANTHROPIC_BASE_URL": "http://127.0.0.1:9/stranger",
    }  # fmt: skip
    for name, value in strangers.items():
        monkeypatch.setenv(name, value)
    with caplog.at_level(logging.DEBUG), Server(then=GOOD) as server:
        Rig(vendor, server).ask()
    (seen,) = server.requests
    sent = str(seen.headers) + seen.text
    assert "stranger" not in sent
    assert sent.count(KEY) == 1
    assert KEY not in caplog.text
    assert "stranger" not in caplog.text


def test_lesson_24_no_key_follows_a_redirect(vendor: str) -> None:
    with Server(then=GOOD) as other:
        moved = Turn(
            status=307, error="moved", headers={"Location": f"{other.address}/v1/messages"}
        )
        with Server(then=moved) as server:
            Rig(vendor, server).fail()
    assert other.requests == []


def test_lesson_24_a_server_that_echoes_the_key(vendor: str) -> None:
    with Server(
        [Turn(f"your key is {KEY}"), Turn(status=400, error=f"odd key {KEY} here")]
    ) as server:
        rig = Rig(vendor, server)
        assert rig.ask().text == "your key is ***"
        rig.fail()
    assert KEY not in str(rig.events)
    assert KEY not in str(rig.texts)
