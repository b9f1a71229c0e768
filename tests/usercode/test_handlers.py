"""Handlers are checked when they are added, and whatever they do a value or a HandlerError comes
back.
"""

from __future__ import annotations

import functools
from datetime import timedelta
from typing import Any, Callable

import pytest

from tests.oadr20b.services.builders import event
from ven_sdk.errors import ConfigurationError, HandlerError
from ven_sdk.usercode import invoke
from ven_sdk.usercode.decisions import OPTS
from ven_sdk.usercode.handlers import Handlers, Hooks


async def asynchronous(event: Any) -> str:
    return "optIn"


class Callable_:
    async def __call__(self, event: Any) -> str:
        return "optIn"


@pytest.mark.parametrize(
    ("name", "function", "says"),
    [
        ("on_evnt", lambda event: None, "Did you mean 'on_event'"),
        ("on_event", "optIn", "must be a function"),
        (["on_event"], print, "There is no handler ['on_event']"),
        (None, print, "There is no handler None"),
        ("on_event", lambda: None, "cannot be called as on_event(event)"),
        ("on_cancel_event", lambda event: None, "on_cancel_event(event, implied)"),
        (
            "on_event",
            asynchronous,
            "change 'async def asynchronous(...)' to 'def asynchronous(...)'",
        ),
        ("on_event", functools.partial(asynchronous), "async def"),
        ("on_event", Callable_(), "async def"),
        ("before_event", lambda event: None, "needs lead"),
    ],
)
def test_a_wrong_handler_is_refused_with_what_would_be_right(
    name: Any, function: Any, says: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Handlers().add_handler(name, function)
    assert says in str(caught.value)


def test_lead_belongs_to_before_event_alone() -> None:
    with pytest.raises(ConfigurationError, match="lead belongs to"):
        Handlers().add_handler("on_event_start", lambda event: None, 5)


def test_a_second_on_event_replaces_the_first_and_other_handlers_add_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    handlers, called = Handlers(), []
    with caplog.at_level("INFO"):
        for number in (1, 2):
            opt = OPTS[number - 1]
            handlers.add_handler("on_event", lambda event, opt=opt: opt)
            handlers.add_handler(
                "on_event_start", lambda event, number=number: called.append(number)
            )

    assert handlers.call("on_event", (event("e"),)).value == "optOut"
    assert "replaces" in caplog.text
    handlers.call("on_event_start", (None,))
    assert called == [1, 2]


def test_leads_name_each_before_event_handler() -> None:
    handlers = Handlers()
    handlers.add_handler("before_event", lambda event: "a", timedelta(minutes=5))
    handlers.add_handler("before_event", lambda event: "b", 60)

    assert handlers.leads() == (
        ("before_event:0", timedelta(minutes=5)),
        ("before_event:1", timedelta(minutes=1)),
    )
    assert handlers.call("before_event:1", (None,)).value == "b"


def _exit() -> None:
    raise SystemExit(3)


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda: 1 // 0, "ZeroDivisionError"),
        (_exit, "SystemExit"),
        (lambda: asynchronous(None), "awaitable"),
    ],
)
def test_whatever_user_code_does_a_handler_error_comes_back(
    function: Callable[[], Any], says: str
) -> None:
    result = invoke(function)
    assert isinstance(result, HandlerError) and says in str(result)


def test_one_failing_handler_does_not_keep_the_next_from_being_called() -> None:
    handlers, called = Handlers(), []
    handlers.add_handler("on_event_end", lambda event: 1 // 0)
    handlers.add_handler("on_event_end", called.append)

    result = handlers.call("on_event_end", ("event",))

    assert isinstance(result.value, HandlerError)
    assert result.errors == (result.value,)
    assert called == ["event"]


def test_a_hook_that_fails_for_every_message_is_logged_once_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hooks = Hooks()
    hooks.add("before_parse_xml", lambda text: 1 // 0)

    for _ in range(20):
        hooks.run("before_parse_xml", "<xml/>")

    assert len(caplog.messages) == 2
    assert "ZeroDivisionError" in caplog.messages[0]
    assert "(10 times so far)" in caplog.messages[1]
