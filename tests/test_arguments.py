"""Every argument of every public call is checked where it is given: a table over all of them, with
values that cannot work, and what may not be seen in an error.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import Any, Callable

import pytest

from ven_sdk import ConfigurationError, Fleet, OpenADRClient, VenError, objects
from ven_sdk.arguments import duration
from ven_sdk.near_names import did_you_mean
from ven_sdk.text import without_secrets

URL = "http://vtn.example.com"


class Unshowable:
    """Of somebody else's library: it cannot even be printed."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class Overriding(str):
    """A text whose methods fail."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class NoZone(tzinfo):
    """A time zone that does not know its offset."""

    def utcoffset(self, moment: object) -> timedelta:
        raise RuntimeError("no offset")

    dst = tzname = utcoffset  # type: ignore[assignment]


class Undecided:
    """Neither true nor false, as pandas has it."""

    def __bool__(self) -> bool:
        raise TypeError("ambiguous")


class Stamp(datetime):
    """A datetime of another library, with a text and sums of its own."""

    def isoformat(self, *_: object, **__: object) -> str:
        return super().isoformat() + "789"

    def __add__(self, span: timedelta) -> Any:
        raise TypeError("of another kind")

    __sub__ = __radd__ = __add__


class Uncomparable:
    """As an array of numpy is."""

    def __eq__(self, other: object) -> bool:
        raise ValueError("ambiguous")

    __hash__ = None  # type: ignore[assignment]


class Unreadable(list[Any]):
    """Rows of a database that has gone meanwhile."""

    def __iter__(self) -> Iterator[Any]:
        raise RuntimeError("no connection")


class Span(timedelta):
    """A timedelta of another library."""

    def __floordiv__(self, other: Any) -> Any:
        raise TypeError("of another kind")

    __mod__ = __mul__ = __add__ = __radd__ = __neg__ = __floordiv__


ABSURD: tuple[Any, ...] = (
    "meter\x01",
    "line\nbreak",
    "nul\x00",
    "half\ud800",
    "\ufffe",
    b"\xff",
    timedelta.max,
    timedelta.min,
    datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))),
    datetime(2031, 1, 1, tzinfo=NoZone()),
    Overriding("x"),
    float("nan"),
    float("inf"),
    1e12,
    10**400,
    -1,
    object(),
    {"\x00": "\x00"},
    ["\ud800"],
    {1, 2},
    Unshowable(),
    Decimal("sNaN"),
    bytearray(b"x"),
    [[]],
    Undecided(),
    Uncomparable(),
    Unreadable(["r1"]),
    {Overriding("resource_id"): "r1"},
    {Unshowable(): "r1"},
    1e-12,
)
TEXTS = ABSURD[:5]


FREE = ("cert", "key", "ca_file", "store", "data_source", "report_data_source", "targets")
"""What may hold a line break: paths, and IDs within targets."""


def construct(**arguments: Any) -> Any:
    return OpenADRClient(**{"ven_name": "ven", "vtn_url": URL, **arguments})


def add_report(**arguments: Any) -> Any:
    whole = {"callback": int, "resource_id": "r", "measurement": "voltage", **arguments}
    client = construct()
    client.add_report(**whole)
    return client


def create_opt(**arguments: Any) -> Any:
    from ven_sdk.config import settings
    from ven_sdk.oadr20b.services import opts
    from ven_sdk.oadr20b.state.book import Book
    from ven_sdk.points.catalogue import Catalogue
    from ven_sdk.state.change import Change
    from ven_sdk.state.registration import Registration
    from ven_sdk.usercode.handlers import Handlers

    book = Book(settings("ven", URL), Catalogue(), Handlers(), rows_of_event=opts.forget_event)
    book.apply([Change("registration", "", Registration(phase="registered", ven_id="v"))])
    whole = {
        "opt_id": "a",
        "opt_type": "optOut",
        "opt_reason": "economic",
        "vavailability": [(datetime(2031, 1, 1), 3600)],
        **arguments,
    }
    return opts.create(book, datetime(2030, 1, 1, tzinfo=timezone.utc), **whole)


def build_fleet(**arguments: Any) -> Any:
    return Fleet(**{"vtn_url": URL, **arguments})


def add_to_fleet(**arguments: Any) -> Any:
    return Fleet(URL).add(**{"ven_name": "ven", **arguments})


def push_value(**arguments: Any) -> Any:
    client = construct()
    client.add_report(resource_id="r", measurement="voltage", r_id="p")
    client.report_value(**{"r_id": "p", "value": 1, **arguments})


def look_ahead(**arguments: Any) -> Any:
    construct().schedule(**arguments)


def add_handler(**arguments: Any) -> Any:
    whole = {"name": "before_event", "function": print, "lead": 5, **arguments}
    construct().add_handler(**whole)


def make_sample(**arguments: Any) -> Any:
    return objects.Sample(**{"value": 1, **arguments})


def make_load_state(**arguments: Any) -> Any:
    return objects.LoadControlState(**{"current": 1, **arguments})


def remove_from_fleet(**arguments: Any) -> Any:
    Fleet(URL).remove(**arguments)


CALLS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "OpenADRClient": (construct, OpenADRClient),
    "add_report": (add_report, OpenADRClient.add_report),
    "create_opt": (create_opt, OpenADRClient.create_opt),
    "Fleet": (build_fleet, Fleet),
    "Fleet.add": (add_to_fleet, OpenADRClient),
    "report_value": (push_value, OpenADRClient.report_value),
    "schedule": (look_ahead, OpenADRClient.schedule),
    "Fleet.remove": (remove_from_fleet, Fleet.remove),
    "add_handler": (add_handler, OpenADRClient.add_handler),
    "Sample": (make_sample, objects.Sample),
    "LoadControlState": (make_load_state, objects.LoadControlState),
}


def rows() -> Iterator[Any]:
    for name, (call, documented) in CALLS.items():
        for argument in inspect.signature(documented).parameters:
            if argument not in ("self", "common"):
                yield pytest.param(call, argument, id=f"{name}-{argument}")


@pytest.mark.parametrize("call, argument", list(rows()))
def test_an_absurd_value_is_an_error_of_ours_or_none(
    call: Callable[..., Any], argument: str
) -> None:
    for value in ABSURD:
        with contextlib.suppress(VenError):
            call(**{argument: value})


@pytest.mark.parametrize("call, argument", list(rows()))
def test_no_text_that_xml_cannot_carry_is_taken(call: Callable[..., Any], argument: str) -> None:
    for value in TEXTS:
        if argument == "passphrase" or (argument in FREE and "\n" in value):
            continue  # never sent
        with pytest.raises(VenError):
            call(**{argument: value})


@pytest.mark.parametrize(
    "call",
    [
        lambda: Fleet(URL).add("ven", ""),
        lambda: construct(targets={"resource_ids": None}),
        lambda: push_value(value=bytearray(b"x")),
        lambda: push_value(r_id=None),
        lambda: add_report(data_source=b""),
        lambda: create_opt(targets={"resource_id": []}),
        lambda: create_opt(targets=[]),
        lambda: create_opt(vavailability=[(datetime(2031, 1, 1), 1e-12)]),
        lambda: objects.LoadControlState(int),  # type: ignore[arg-type]
    ],
)
def test_what_only_looks_like_nothing_is_refused(call: Callable[[], Any]) -> None:
    with pytest.raises(ConfigurationError):
        call()


LONG = "y" * 1_000_000
NO_NAMES = ("x-a ", "x- ", "x-a\nb", "x-a\rb", "x-a\tb", "x-a\x85", "x-\u2028a", f"x-{LONG}")
"""What begins as a name of one's own does, and is none."""
NO_TEXTS = ("a\nb", " a", "", "  ", "a\tb", LONG)
NO_HOSTS = (
    "a..b",
    "-a.example",
    "ven example.com",
    f"{'a' * 64}.example",
    ".".join(["abcdefgh"] * 40),
    "xn--\u00e9.example",
    "256.0.0.1",
    "[::1]x",
    "[v1.x]",
    "\u202eabc",
    "a.example:0",
)


def assert_refused(call: Callable[..., Any], **arguments: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        call(**arguments)
    assert len(str(caught.value)) < 5000


@pytest.mark.parametrize("argument", ["report_name", "report_type", "reading_type"])
@pytest.mark.parametrize("name", NO_NAMES, ids=range(len(NO_NAMES)))
def test_a_name_of_ones_own_is_one_line_without_blanks_at_its_ends(
    argument: str, name: str
) -> None:
    assert_refused(add_report, **{argument: name})
    assert_refused(create_opt, opt_reason=name)


@pytest.mark.parametrize("text", NO_TEXTS, ids=range(len(NO_TEXTS)))
def test_a_measurement_of_ones_own_has_names_that_can_be_sent(text: str) -> None:
    custom = {"name": "customUnit", "description": "fruit", "unit": "bananas"}
    for field in ("description", "unit"):
        assert_refused(add_report, r_id="p", measurement={**custom, field: text})
    assert_refused(add_report, r_id="p", measurement=text, unit="bananas")


@pytest.mark.parametrize("host", NO_HOSTS, ids=range(len(NO_HOSTS)))
@pytest.mark.parametrize(
    "use",
    [
        lambda host: construct(vtn_url=f"http://{host}"),
        lambda host: construct(push=f"https://{host}"),
        lambda host: construct(proxies={"http": f"http://{host}"}),
    ],
    ids=["vtn_url", "push", "proxies"],
)
def test_a_host_that_nobody_can_look_up_is_refused(use: Callable[[str], Any], host: str) -> None:
    with pytest.raises(ConfigurationError):
        use(host)


@pytest.mark.parametrize("host", ["a/b", "a..b", "host name", "\u202e", "a" * 64])
def test_an_address_that_cannot_be_bound_for_its_form_is_refused(host: str) -> None:
    with pytest.raises(ConfigurationError, match="listen must look like"):
        construct(push="http://ven.example", listen=f"{host}:0")


@pytest.mark.parametrize(
    "host", ["m\u00fcnchen.example", "[fe80::1%25eth0]", "a_b.example.", "127.1"]
)
def test_an_unusual_host_is_taken(host: str) -> None:
    assert construct(vtn_url=f"http://{host}:8080").settings.vtn_url.startswith(f"http://{host}")


@pytest.mark.parametrize("path", ["a b", "%zz", "\u00e9", "\u202e"])
def test_a_path_that_a_vtn_would_call_otherwise_is_no_place_for_pushes(path: str) -> None:
    assert_refused(construct, push=f"https://ven.example/{path}")


@pytest.mark.parametrize(
    "arguments",
    [
        {"start_rate": 1e-300},
        {"cert": "/no/such/file.pem"},
        {"ca_file": "/no/such/file.pem"},
        {"vtn_fingerprint": "zz"},
        {"tls_fingerprint": "00:11"},
        {"proxies": {"http": "ftp://proxy"}},
    ],
)
def test_what_no_ven_of_a_fleet_could_use_is_refused_by_the_fleet(
    arguments: dict[str, Any],
) -> None:
    assert_refused(build_fleet, **arguments)


@pytest.mark.parametrize("rate", [Decimal("500"), Fraction(1, 2), 0.001])
def test_a_rate_of_starts_is_any_number(rate: Any) -> None:
    fleet = build_fleet(start_rate=rate)
    fleet.add("ven")
    with fleet:
        assert len(fleet) == 1


def test_a_passphrase_that_opens_nothing_is_refused() -> None:
    with pytest.raises(ConfigurationError) as caught:
        construct(cert=b"x", passphrase="S3cret\ud800")
    assert "S3" not in str(caught.value)


def test_a_duration_may_be_written_as_people_and_as_the_standard_write_it() -> None:
    given = (timedelta(minutes=15), 900, "15 min", "900s", "0.25 h", "PT15M", "PT900S")

    assert {duration("poll_frequency", each) for each in given} == {timedelta(minutes=15)}
    assert duration("x", "P1DT2H") == timedelta(hours=26) and duration("x", "2 days").days == 2


@pytest.mark.parametrize("text", ["often", "10", "P", "PT", "P1M", "-5 s", "1e3 s", "5 parsecs"])
def test_a_text_that_is_no_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ConfigurationError, match="such as '10 s', '15 min'"):
        duration("poll_frequency", text)


@pytest.mark.parametrize(
    "url",
    [
        "htps://joe:S3cret@vtn.example.com/x",
        "https://joe:S3cret@vtn.example.com/x?a=1",
        "https://joe:S3cret@vtn.example.com:99999/",
        "https://joe:S3/cr@et@vtn.example.com:99999/",
        "joe:S3cret@vtn.example.com",
        "https://joe:S3?cret@vtn.example.com",
        "https://vtn.example.com/x?token=S3cret",
        "https://vtn.example.com/x#S3cret",
        "https://[::1/S3cret@",
        "https://joe:S3cret\x00@vtn.example.com/",
        "https://vtn.example.com:http/?S3cret",
        "https://joe:S3cret",
        "https://joe:S3cret/path",
        "https://joe:3S3cret3",
    ],
)
def test_what_may_be_secret_in_a_url_is_in_no_error(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        OpenADRClient("ven", url)

    told = f"{caught.value!r} {caught.value.__cause__!r} {without_secrets(url)}"
    assert "S3" not in told and "vtn_url" in told


ADDRESSES = (
    "http://joe:S3cret@proxy:99999",
    "htps://joe:S3cret@proxy",
    "http://joe:S3/cret@proxy:3128",
    "http://joe:S3?cret@proxy:3128",
    "http://joe:S3cret@[::1",
    "http://joe:S3cret\u2100@proxy",
    " http://joe:S3cret@proxy",
    "http://joe:S3cret@proxy\x00",
    "http://joe:S3cret",
    "http://joe:S3cret@:http/?S3cret",
    "mysql://joe:S3cret@host/db",
    "Postgresql://joe:S3cret@host/db",
    "postgresql://joe:S3cret@[::1/db",
    "postgresql://joe:S3/cret@host/db",
    "postgresql://joe:S3?cret@host/db",
    "postgresql://joe:S3%ZZcret@host/db",
    "postgresql://joe:S3cret@host/db?nonsense=1",
)


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    "use",
    [
        lambda address: OpenADRClient(address, URL),
        lambda address: construct(proxies={"http": address}),
        lambda address: construct(proxies=address),
        lambda address: construct(proxies={address: "http"}),
        lambda address: construct(push=address),
        lambda address: construct(push="https://ven.example", listen=address),
        lambda address: construct(store=address),
        lambda address: Fleet(URL, store=address),
    ],
    ids=[
        "ven_name",
        "proxies",
        "proxies as text",
        "scheme",
        "push",
        "listen",
        "store",
        "store of fleet",
    ],
)
def test_what_may_be_secret_in_an_address_is_in_no_error(
    use: Callable[[str], Any], address: str
) -> None:
    try:
        made = use(address)
    except VenError as error:
        told = f"{error!r} {error.__cause__!r}"
    else:
        told = "" if address == made.settings.ven_name else repr(made)
    assert "S3" not in told


def test_near_names_are_found_whatever_the_case() -> None:
    assert did_you_mean("RESOURCEID", ["resource_id", "ven_id"]) == " Did you mean 'resource_id'?"
    assert did_you_mean("zzz", ["resource_id"]) == ""


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: construct(certs="x.pem"), "Did you mean 'cert'?"),
        (lambda: add_report(sampling_rat=3), "Did you mean 'sampling_rate'?"),
        (lambda: Fleet(URL, storee="x"), "Did you mean 'store'?"),
        (lambda: Fleet(URL).add("n", tymeout=3), "Did you mean 'timeout'?"),
        (lambda: OpenADRClient("ven"), "vtn_url"),  # type: ignore[call-arg]
        (lambda: construct(proxies="http://p:3128"), "proxies={'http': 'http://p:3128'"),
        (lambda: construct(signals=["SIMPEL"]), "Did you mean 'SIMPLE'?"),
    ],
)
def test_an_argument_that_is_mistyped_names_the_right_one(
    call: Callable[[], Any], says: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        call()

    assert says in str(caught.value)


def test_a_number_of_too_many_digits_is_no_text() -> None:
    with pytest.raises(ConfigurationError, match="resource_id"):
        objects.Target(resource_id=10**5000)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "rate", [objects.SamplingRate(0, 10), objects.SamplingRate(0, 0, True), {"min_period": 0}]
)
def test_a_point_is_sampled_once_a_second_at_the_most(rate: Any) -> None:
    with pytest.raises(ConfigurationError):
        add_report(sampling_rate=rate)


@pytest.mark.parametrize("hertz", [5e-324, 1e-7, float("nan"), 1e30, -50, "50 Hz"])
def test_mains_that_no_catalogue_can_carry_are_refused(hertz: Any) -> None:
    mains = {"hertz": hertz, "voltage": 230, "ac": True}
    power = {"name": "powerReal", "unit": "W", "scale": "none", "power_attributes": mains}
    with pytest.raises(ConfigurationError):
        add_report(measurement=power)
    with pytest.raises(ConfigurationError):
        add_report(measurement="powerReal", power_hertz=hertz)


@pytest.mark.parametrize("factor", [float("nan"), float("inf"), 10**400, Decimal("sNaN")])
def test_a_factor_of_pulses_that_no_catalogue_can_carry_is_refused(factor: Any) -> None:
    with pytest.raises(ConfigurationError):
        add_report(measurement=objects.Measurement("pulseCount", pulse_factor=factor))


def test_dates_and_spans_of_other_libraries_become_plain_ones() -> None:
    begin, span = Stamp(2031, 1, 1, 12, tzinfo=timezone.utc), Span(seconds=60)
    client = construct(poll_frequency=span, max_backlog=span, opt_timeout=span)
    for kept in (client.settings.poll_frequency, client.settings.opt_timeout):
        assert type(kept) is timedelta and kept.total_seconds() == 60
    outcome = create_opt(vavailability=[(begin, span)])
    assert "789" not in str(outcome) and "Stamp" not in repr(outcome)
    made = add_report(report_dtstart=begin, report_duration=span, sampling_rate=span)
    made.report_value("r", 1, at=begin)
    made.report_value("r", (begin, 1))
