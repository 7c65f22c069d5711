"""event.from: tokens, coalescing, counts, order, messages."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xolite_qt.demo_host import Failure
from xolite_qt.demo_host.events import Token, parse_token


async def now(caller: Any, *classes: str) -> str:
    """A token of the present."""
    return str((await caller("event.from", list(classes), "", 0.0))["token"])


def shown(answer: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(e["class"], e["operation"], e["ref"]) for e in answer["events"]]


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_tokens_survive(generation: int, messages: int) -> None:
    text = str(Token(generation, messages))
    assert len(text) == 41
    assert parse_token(text) == Token(generation, messages)


@given(st.text(max_size=50))
def test_other_tokens_are_refused(text: str) -> None:
    refused: list[str] = []
    token = Token(0, 0)
    try:
        token = parse_token(text)
    except Failure as failure:
        refused = failure.description
    if refused:
        assert refused == ["EVENT_FROM_TOKEN_PARSE_FAILURE", text]
    elif text:
        assert [int(part) for part in text.split(",")] == [token.generation, token.messages]


def test_the_empty_token_is_the_beginning() -> None:
    assert parse_token("") == Token(0, 0)


async def test_the_beginning_holds_everything_as_adds(caller: Any) -> None:
    answer = await caller("event.from", ["*"], "", 0.0)
    kinds = {event["operation"] for event in answer["events"]}
    assert kinds == {"add"}
    assert not {"session", "user"} & {event["class"] for event in answer["events"]}
    vms = [event for event in answer["events"] if event["class"] == "vm"]
    assert {event["ref"] for event in vms} == set(caller.db.refs("VM"))
    event = vms[0]
    assert event["timestamp"] == "0.0"
    assert int(event["id"]) > 0
    assert event["snapshot"] == await caller("VM.get_record", event["ref"])


async def test_counts_are_exact_and_without_messages(caller: Any) -> None:
    caller.db.create("message", name="X")
    answer = await caller("event.from", ["pool"], "", 0.0)
    counts = answer["valid_ref_counts"]
    assert counts == {
        name.lower(): len(table.rows)
        for name, table in caller.db.tables.items()
        if name != "message"
    }
    assert counts["session"] == 1
    assert counts["host_metrics"] == 1


async def test_changes_of_one_object_are_one_event(caller: Any) -> None:
    token = await now(caller, "vm")
    vm = caller.db.refs("VM")[0]
    for number in range(5):
        caller.db.set("VM", vm, name_label=f"name {number}")
    answer = await caller("event.from", ["vm"], token, 1.0)
    assert shown(answer) == [("vm", "mod", vm)]
    assert answer["events"][0]["snapshot"]["name_label"] == "name 4"


async def test_what_comes_and_goes_between_two_calls_is_nothing(caller: Any) -> None:
    token = await now(caller, "vm")
    caller.db.destroy("VM", caller.db.create("VM"))
    added = caller.db.create("VM")
    caller.db.set("VM", added, name_label="x")
    answer = await caller("event.from", ["VM"], token, 0.2)
    assert shown(answer) == [("vm", "add", added)]


async def test_deletions_have_no_snapshot(caller: Any) -> None:
    token = await now(caller, "vm")
    vm = caller.db.refs("VM")[0]
    caller.db.destroy("VM", vm)
    answer = await caller("event.from", ["vm"], token, 1.0)
    assert shown(answer) == [("vm", "del", vm)]
    assert "snapshot" not in answer["events"][0]


async def test_order_is_messages_adds_mods_dels(caller: Any) -> None:
    token = await now(caller, "vm", "message")
    gone, changed = caller.db.refs("VM")[:2]
    caller.db.destroy("VM", gone)
    caller.db.set("VM", changed, name_label="x")
    added = caller.db.create("VM")
    message = caller.db.create("message", name="X")
    answer = await caller("event.from", ["vm", "message"], token, 1.0)
    assert shown(answer) == [
        ("message", "add", message),
        ("vm", "add", added),
        ("vm", "mod", changed),
        ("vm", "del", gone),
    ]
    assert answer["events"][0]["id"] == "0"


async def test_single_objects(caller: Any) -> None:
    token = await now(caller, "vm")
    one, other = caller.db.refs("VM")[:2]
    caller.db.set("VM", one, name_label="x")
    caller.db.set("VM", other, name_label="x")
    answer = await caller("event.from", [f"VM/{one}"], token, 1.0)
    assert shown(answer) == [("vm", "mod", one)]


async def test_unknown_classes_match_nothing(caller: Any) -> None:
    assert (await caller("event.from", ["nonsense"], "", 0.0))["events"] == []


async def test_the_token_advances_by_matching_objects_only(caller: Any) -> None:
    token = await now(caller, "vm")
    caller.db.touch("SR", caller.db.refs("SR")[0])
    answer = await caller("event.from", ["vm"], token, 0.1)
    assert answer["token"] == token
    vm = caller.db.refs("VM")[0]
    caller.db.set("VM", vm, name_label="x")
    generation = caller.db.generation
    caller.db.touch("SR", caller.db.refs("SR")[0])
    answer = await caller("event.from", ["vm"], token, 1.0)
    assert answer["token"] == f"{generation:020d},{0:020d}"


async def test_stored_messages_come_once(caller: Any) -> None:
    stored = [caller.db.create("message", name=f"m{n}") for n in range(3)]
    token = await now(caller, "vm")
    assert token.endswith(f",{0:020d}")
    answer = await caller("event.from", ["vm", "message"], token, 1.0)
    assert [ref for _, _, ref in shown(answer)] == stored
    assert not answer["token"].endswith(f",{0:020d}")
    again = await caller("event.from", ["vm", "message"], answer["token"], 0.1)
    assert again["events"] == []
    assert again["token"] == answer["token"]
    # Whoever drops the class starts anew.
    without = await caller("event.from", ["vm"], answer["token"], 0.1)
    assert without["token"].endswith(f",{0:020d}")
    caller.db.destroy("message", stored[0])
    gone = await caller("event.from", ["message"], answer["token"], 1.0)
    assert shown(gone) == [("message", "del", stored[0])]


async def test_inject(caller: Any) -> None:
    pool = caller.db.refs("pool")[0]
    message = caller.db.create("message", name="X")
    token = await caller("event.inject", "pool", pool)
    answer = await caller("event.from", ["pool"], token, 1.0)
    assert shown(answer) == [("pool", "mod", pool)]
    assert token.endswith(f",{0:020d}")
    both = await caller("event.from", ["pool", "message"], token, 1.0)
    assert shown(both) == [("message", "add", message), ("pool", "mod", pool)]
    for cls, ref in (("Pool", pool), ("VM", pool), ("pool", "OpaqueRef:x")):
        with pytest.raises(Failure) as caught:
            await caller("event.inject", cls, ref)
        assert caught.value.description == ["HANDLE_INVALID", cls, ref]


async def test_it_waits_for_a_change(caller: Any) -> None:
    token = await now(caller, "vm")
    loop = asyncio.get_running_loop()
    began = loop.time()
    waiting = asyncio.ensure_future(caller("event.from", ["vm"], token, 30))
    await asyncio.sleep(0.15)
    assert not waiting.done()
    caller.db.touch("SR", caller.db.refs("SR")[0])
    await asyncio.sleep(0.1)
    assert not waiting.done()
    caller.db.set("VM", caller.db.refs("VM")[0], name_label="x")
    assert len((await waiting)["events"]) == 1
    assert loop.time() - began < 5


async def test_logout_wakes_it(caller: Any) -> None:
    token = await now(caller, "vm")
    ref = caller.session.ref
    waiting = asyncio.ensure_future(caller("event.from", ["vm"], token, "30"))
    await asyncio.sleep(0.1)
    await caller("session.logout")
    with pytest.raises(Failure) as caught:
        await waiting
    assert caught.value.description == ["SESSION_INVALID", ref]


async def test_a_token_from_the_future_yields_nothing(caller: Any) -> None:
    token = str(Token(10**9, 10**9))
    caller.db.touch("pool", caller.db.refs("pool")[0])
    answer = await caller("event.from", ["pool", "message"], token, 0.1)
    assert answer["events"] == []
    assert answer["token"] == token


async def test_events_lost_is_told_once_per_session(caller: Any) -> None:
    token = await now(caller, "vm")
    waiting = asyncio.ensure_future(caller("event.from", ["vm"], token, 30))
    await asyncio.sleep(0.1)
    caller.host.faults.lose_events()
    with pytest.raises(Failure) as caught:
        await waiting
    assert caught.value.description == ["EVENTS_LOST"]
    await caller("event.from", ["vm"], token, 0.0)


async def test_the_old_calls(caller: Any) -> None:
    with pytest.raises(Failure) as caught:
        await caller("event.next")
    assert caught.value.code == "SESSION_NOT_REGISTERED"
    await caller("event.register", ["vm"])
    vm = caller.db.refs("VM")[0]
    caller.db.set("VM", vm, name_label="x")
    events = await caller("event.next")
    assert [(e["class"], e["operation"], e["ref"]) for e in events] == [("vm", "mod", vm)]
    await caller("event.unregister", ["vm"])
    assert await caller("event.get_current_id") == caller.db.generation
