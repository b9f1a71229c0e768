"""However a handler fails, its event is opted out of and a sentence on one line says why."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import pytest

from tests.oadr20b.services.builders import event
from ven_sdk import DEFER, enums
from ven_sdk.errors import ConfigurationError, HandlerError
from ven_sdk.points.entries import read_numbers
from ven_sdk.usercode import invoke
from ven_sdk.usercode.calls import describe_failure
from ven_sdk.usercode.handlers import Handlers


class Unshowable(Exception):
    def __str__(self) -> str:
        return 7  # type: ignore[return-value]


class Exiting(Exception):
    def __str__(self) -> str:
        raise SystemExit(3)


class Forging(Exception):
    def __str__(self) -> str:
        return "x\n2026-01-01 00:00:00 CRITICAL root: call 0800\u2028y\x1b[2J"


class Endless(Exception):
    def __str__(self) -> str:
        return "x" * 10_000_000


class Guarded(Exception):
    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


class Traceless(Exception):
    @property
    def __traceback__(self) -> Any:
        raise SystemExit(4)


class Nameless(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise RuntimeError("no name")


class OfNoClass(Exception, metaclass=Nameless):
    def __str__(self) -> str:
        raise SystemExit(5)


class BadRepr:
    def __repr__(self) -> str:
        raise RuntimeError("no")


class Lying(str):
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    __hash__ = str.__hash__


class Disguised:
    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise RuntimeError("no")


class Awaited:
    def __await__(self) -> Any:
        yield

    def close(self) -> None:
        raise RuntimeError("still running")


def _raise(error: BaseException) -> Callable[..., Any]:
    def handler(event: Any) -> Any:
        raise error

    return handler


def _recurse(event: Any) -> Any:
    return _recurse(event)


FAILING: list[tuple[str, Callable[..., Any]]] = [
    ("an exception", _raise(OSError("no route"))),
    ("one that cannot be shown", _raise(Unshowable())),
    ("one that exits when shown", _raise(Exiting())),
    ("one that forges lines", _raise(Forging())),
    ("one without end", _raise(Endless())),
    ("one whose attributes raise", _raise(Guarded())),
    ("one whose traceback raises", _raise(Traceless())),
    ("one whose class has no name", _raise(OfNoClass())),
    ("a lone surrogate", _raise(ValueError("\udc80"))),
    ("SystemExit", _raise(SystemExit(1))),
    ("KeyboardInterrupt", _raise(KeyboardInterrupt())),
    ("GeneratorExit", _raise(GeneratorExit())),
    ("too deep", _recurse),
    ("nothing returned", lambda event: None),
    ("another text", lambda event: "optin"),
    ("a text like it", lambda event: "optIn\n"),
    ("a list", lambda event: ["optIn"]),
    ("True", lambda event: True),
    ("what cannot be shown", lambda event: BadRepr()),
    ("a text that compares badly", lambda event: Lying("no")),
    ("what hides its class", lambda event: Disguised()),
    ("a generator", lambda event: (opt for opt in ["optIn"])),
    ("an awaitable that does not close", lambda event: Awaited()),
    ("a class", lambda event: HandlerError),
]


@pytest.mark.parametrize(
    "function", [function for _, function in FAILING], ids=[name for name, _ in FAILING]
)
def test_however_a_handler_fails_a_handler_error_on_one_line_comes_back(
    function: Callable[..., Any],
) -> None:
    handlers = Handlers()
    handlers.add_handler("on_event", function)

    result = handlers.call("on_event", (event("evening-peak"),))

    assert type(result.value) is HandlerError
    text = str(result.value)
    assert text.isprintable()
    assert len(text) < 2000
    text.encode()
    assert len(handlers.problems()) == 1


@pytest.mark.parametrize(
    "returned, decision",
    [
        ("optIn", "optIn"),
        (enums.OPT.OPT_OUT, "optOut"),
        (Lying("optIn"), "optIn"),
        (DEFER, DEFER),
    ],
    ids=repr,
)
def test_a_decision_comes_back_as_itself(returned: Any, decision: Any) -> None:
    handlers = Handlers()
    handlers.add_handler("on_event", lambda event: returned)

    result = handlers.call("on_event", (event("e"),))

    assert result.value is decision or type(result.value) is str
    assert str(result.value) == str(decision)
    assert result.errors == handlers.problems() == ()


def test_every_function_that_fails_is_told_and_healthy_again_after_a_good_call() -> None:
    handlers, broken = Handlers(), [True]

    def actuator(event: Any) -> None:
        if broken[0]:
            raise OSError("charger does not answer")

    def lamp(event: Any) -> None:
        if broken[0]:
            raise OSError("lamp does not answer")

    handlers.add_handler("on_event_start", actuator)
    handlers.add_handler("on_event_start", lamp)

    assert len(handlers.call("on_event_start", ("e",)).errors) == 2
    assert ["charger" in text for text in handlers.problems()] == [True, False]

    broken[0] = False
    handlers.call("on_event_start", ("e",))
    assert handlers.problems() == ()


def test_a_handler_that_was_replaced_is_no_problem_any_more() -> None:
    handlers = Handlers()
    handlers.add_handler("on_event", _raise(OSError("no")))
    handlers.call("on_event", (event("e"),))

    handlers.add_handler("on_event", lambda event: "optIn")

    assert handlers.problems() == ()


# --- the line that is named -----------------------------------------------------------------------


def below_json() -> Any:
    return json.loads("{")  # the user's own line


def through_partial(text: str) -> Any:
    return json.loads(text)


def _number_of(function: Callable[..., Any], offset: int = 1) -> int:
    return function.__code__.co_firstlineno + offset


@pytest.mark.parametrize(
    "function, line",
    [
        (below_json, _number_of(below_json)),
        (functools.partial(through_partial, "{"), _number_of(through_partial)),
        (lambda: below_json(), _number_of(below_json)),
    ],
    ids=["a library below", "a partial", "through a function of one's own"],
)
def test_the_line_named_is_the_users_own(function: Callable[..., Any], line: int) -> None:
    assert f"(line {line} of test_failures.py)" in str(invoke(function))


def test_in_a_program_that_is_installed_the_line_is_of_the_package_that_was_called(
    tmp_path: Path,
) -> None:
    package = tmp_path / "site-packages" / "mysite"
    library = tmp_path / "site-packages" / "relay"
    for folder in (package, library):
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("")
    (library / "__init__.py").write_text("def switch():\n    raise OSError('stuck')\n")
    (package / "handlers.py").write_text("import relay\ndef h():\n    relay.switch()\n")
    program = (
        f"import sys; sys.path[:0] = [{str(package.parent)!r}]; from mysite.handlers import h; "
        "from ven_sdk.usercode import invoke; print(invoke(h))"
    )

    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout

    assert "(line 3 of handlers.py)" in shown


def test_what_is_wrong_with_a_value_that_came_back_names_no_line_of_ours() -> None:
    with pytest.raises(TypeError) as caught:
        read_numbers("4.2")

    assert describe_failure(caught.value).endswith("(datetime, value) or an iterable of those.")


def _yields(event: Any) -> Any:
    yield "optIn"


@pytest.mark.parametrize("name", ["on_event", "on_event_start"])
@pytest.mark.parametrize("function", [_yields, functools.partial(_yields)])
def test_a_function_with_a_yield_is_refused_where_it_is_added(
    name: str, function: Callable[..., Any]
) -> None:
    with pytest.raises(ConfigurationError, match="'return' in place of 'yield'"):
        Handlers().add_handler(name, function)


class Failing:
    """A function of somebody else's: every question about it fails."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __call__(self, event: Any) -> str:
        return "optIn"


def test_a_function_that_tells_nothing_of_itself_is_a_handler_all_the_same() -> None:
    handlers = Handlers()
    handlers.add_handler("on_event", Failing())

    assert handlers.call("on_event", (event("e"),)).value == "optIn"
