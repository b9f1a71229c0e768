"""What people mistype at the command line, in files, at the test VTN and in notebooks: none is
accepted silently, none is a bare TypeError or AttributeError, and each says what would be right.
"""

from __future__ import annotations

import importlib.util
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Callable

import pytest

from ven_sdk import Fleet, OpenADRClient, VenError
from ven_sdk.cli import main
from ven_sdk.display.tables import Rows
from ven_sdk.metrics import collector, exposition
from ven_sdk.testing import (
    BadXml,
    Down,
    LocalVTN,
    ManualClock,
    Raw,
    Refuse,
    ReportWish,
    Slow,
    Status,
)

URL = "http://127.0.0.1:9"
AWARE: Any = datetime(2031, 1, 1, tzinfo=timezone.utc)
needs_toml = pytest.mark.skipif(
    not (importlib.util.find_spec("tomllib") or importlib.util.find_spec("tomli")),
    reason="no TOML reader: the extra 'toml' brings one for Python before 3.11",
)


# --- the command line -----------------------------------------------------------------------------

TYPED = [
    ("rnu", "run"),
    ("docter", "doctor"),
    ("fingerpint", "fingerprint"),
    ("dmo", "demo"),
    ("ini", "init"),
    ("--verison", "version"),
    ("demo now", "one argument too many"),
    ("demo --fast", "no option --fast"),
    ("run --chek ven.toml", "--check"),
    ("run --log-lvl DEBUG ven.toml", "--log-level"),
    ("run --log-format xml ven.toml", "json"),
    ("run --health-prt 80 ven.toml", "--health-port"),
    ("run a.toml b.toml", "one argument too many"),
    ("run gone.toml", "cannot be read"),
    ("run .", "cannot be read"),
    ("run --control-prt 1 ven.toml", "--control-port"),
    ("doctor", "URL"),
    ("doctor vtn.example.com", "must look like"),
    ("doctor http//vtn", "must look like"),
    ("doctor ftp://vtn", "must look like"),
    ("doctor http://vtn:99999", "port"),
    ("doctor http://127.0.0.1:1 --cret ven.pem", "--cert"),
    ("doctor http://127.0.0.1:1 --timeout soon", "timeout"),
    ("doctor http://127.0.0.1:1 --timeout -1", "--timeout"),
    ("doctor http://127.0.0.1:1 --timeout nan", "--timeout"),
    ("doctor http://127.0.0.1:1 --register", "--ven-name"),
    ("doctor http://127.0.0.1:1 --key k.pem", "without cert"),
    ("doctor http://127.0.0.1:1 --cert gone.pem", "cannot be read"),
    ("doctor https://127.0.0.1:1 --ca-file gone.pem", "ca_file"),
    ("doctor https://127.0.0.1:1 --vtn-fingerprint xx", "fingerprint"),
    ("doctor https://127.0.0.1:1 --tls-fingerprint 12:34", "fingerprint"),
    ("fingerprint", "CERT"),
    ("fingerprint gone.pem", "cannot be read"),
    ("fingerprint .", "cannot be read"),
    ("fingerprint --shrt gone.pem", "--short"),
    ("vtn --prot 80", "--port"),
    ("vtn --port eighty", "0 to 65535"),
    ("vtn --port -1", "port"),
    ("vtn --page-port 70000", "0 to 65535"),
    ("vtn --poll-frequency fast", "--poll-frequency"),
    ("vtn --granularity 0.5", "--granularity"),
    ("vtn --fault slwo --port 0 --no-page", "slow"),
    ("vtn --script gone.toml", "cannot be read"),
    ("vtn --sign", "--tls"),
    ("init --kind charge", "charger"),
    ("init --vtn-url vtn", "must look like"),
]


@needs_toml
@pytest.mark.parametrize("line, says", TYPED, ids=[line for line, _ in TYPED])
def test_a_mistyped_line_is_told_what_was_meant(
    line: str,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ven.toml").write_text(f'[ven]\nven_name = "a"\nvtn_url = "{URL}"\n')

    code = main(line.split())

    told = capsys.readouterr()
    assert code in (1, 2)
    assert says in told.out + told.err
    assert "Traceback" not in told.out + told.err


# --- files ----------------------------------------------------------------------------------------

VEN = f'[ven]\nven_name = "a"\nvtn_url = "{URL}"\n'
POINT = "[[reports]]\nresource_id = 'm'\nmeasurement = 'voltage'\n"
WRITTEN = [
    (VEN + "pol_frequency = 3\n", "poll_frequency"),
    (VEN + "poll_frequency = true\n", "expected seconds"),
    (VEN + "poll_frequency = inf\n", "expected seconds"),
    (VEN + "timeout = nan\n", "expected seconds"),
    (VEN + 'timeout = "1e99 s"\n', "expected seconds"),
    (VEN + 'timeout = "10 sek"\n', "expected seconds"),
    (VEN + "cert = 3\n", "text in quotes"),
    (VEN + 'register = "maybe"\n', "true or false"),
    (VEN + 'default_opt = "opt_in"\n', "optIn"),
    (VEN + 'signals = ["SIMPEL"]\n', "SIMPLE"),
    (VEN + "signals = [1]\n", "list of texts"),
    (VEN + 'targets = ["a"]\n', "table"),
    (VEN + 'targets = { resorce_id = ["a"] }\n', "resource_id"),
    (VEN + "market_contexts = [1]\n", "list of texts"),
    (VEN + "callback_workers = 2.5\n", "whole number"),
    (VEN + 'vtn_fingerprint = "zz"\n', "fingerprint"),
    (VEN + 'proxies = "http://proxy"\n', "proxies"),
    (VEN + "[handler]\n", "handlers"),
    (VEN + "[handlers]\non_evnt = 'a:b'\n", "on_event"),
    (VEN + "[handlers]\non_event = 'optin'\n", "module:function"),
    (VEN + "[handlers]\non_event = 3\n", "module:function"),
    (VEN + "[handlers]\non_event = 'os:getcwd'\n", "on_event"),
    (VEN + "[handlers]\nbefore_event = { function = 'os:getcwd', lead = 'soon' }\n", "seconds"),
    (VEN + "[report]\n", "reports"),
    (VEN + "[[reports]]\nmeasurment = 'voltage'\n", "measurement"),
    (VEN + "[[reports]]\nresource_id = 'm'\nmeasurement = 'voltge'\n", "voltage"),
    (VEN + "[[reports]]\nresource_id = 'm'\nmeasurement = 'voltage'\nscale = 'kilo'\n", "scale"),
    (
        VEN + "[[reports]]\nresource_id = 'm'\nmeasurement = 'voltage'\nsampling_rate = 'often'\n",
        "seconds",
    ),
    (
        VEN + "[[reports]]\nresource_id = 'm'\nmeasurement = 'voltage'\npower_hertz = nan\n",
        "number",
    ),
    (VEN + "[log]\nlevel = 'LOUD'\n", "DEBUG"),
    (VEN + "[log]\nlevl = 'INFO'\n", "level"),
    (VEN + "[health]\nport = 'eighty'\n", "health port"),
    (VEN + "[health]\nprt = 80\n", "port"),
    (VEN + "[control]\nport = 8090\n", "token"),
    (VEN + "[control]\nport = 8090\ntoken = 'x'\n", "16 characters"),
    (VEN + "[fleet]\nsite = 'a.csv'\n", "sites"),
    ("[vens]\nven_name = 'a'\n", "[[vens]]"),
    (f"[[vens]]\nven_nme = 'a'\nvtn_url = '{URL}'\n", "ven_name"),
    ("ven_name = 'a'\n", "[ven]"),
    ("[ven]\nven_name = a\n", "quotes"),
    ("[ven\n", "line 1"),
]


@needs_toml
@pytest.mark.usefixtures("own_process")
@pytest.mark.parametrize("text, says", WRITTEN, ids=range(len(WRITTEN)))
def test_a_mistyped_file_is_told_what_was_meant(
    text: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ven.toml"
    path.write_text(text, encoding="utf-8")

    code = main(["run", "--check", str(path)])

    told = capsys.readouterr()
    assert code == 2, told.out
    assert says in told.err
    assert "ven.toml" in told.err


# --- the test VTN ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def vtn() -> Any:
    with LocalVTN() as vtn:
        vtn.add_ven("known", ven_id="known", registered=True)
        vtn.add_event(event_id="held")
        yield vtn


ASKED: "list[tuple[str, Callable[[LocalVTN], Any], str]]" = [
    ("unknown argument", lambda vtn: LocalVTN(pol_frequency=3), "poll_frequency"),  # type: ignore[call-arg]
    ("poll frequency as text", lambda vtn: LocalVTN(poll_frequency="fast"), "poll_frequency"),  # type: ignore[arg-type]
    ("negative poll frequency", lambda vtn: LocalVTN(poll_frequency=-1), "poll_frequency"),
    ("fraction of a second", lambda vtn: LocalVTN(poll_frequency=0.5), "poll_frequency"),
    ("accept as a wrong word", lambda vtn: LocalVTN(accept="nobody"), "accept"),
    ("kind of key", lambda vtn: LocalVTN(kind="dsa"), "kind"),
    ("port as text", lambda vtn: LocalVTN(port="http"), "port"),  # type: ignore[arg-type]
    ("vens as a list", lambda vtn: LocalVTN(vens=["a"]), "vens"),  # type: ignore[arg-type]
    ("wish with a wrong name", lambda vtn: ReportWish(granularty=1), "granularity"),  # type: ignore[call-arg]
    ("reports as text", lambda vtn: LocalVTN(ask_for_reports="yes"), "ask_for_reports"),  # type: ignore[arg-type]
    ("unknown setting of an event", lambda vtn: vtn.add_event(prioriy=1), "priority"),
    ("interval as text", lambda vtn: vtn.add_event(intervals=["high"]), "intervals"),  # type: ignore[list-item]
    ("one interval alone", lambda vtn: vtn.add_event(intervals=1), "intervals"),  # type: ignore[arg-type]
    ("no interval", lambda vtn: vtn.add_event(intervals=[]), "intervals"),
    ("start as text", lambda vtn: vtn.add_event(dtstart="noon"), "dtstart"),  # type: ignore[arg-type]
    ("naive start", lambda vtn: vtn.add_event(dtstart=datetime(2030, 1, 1)), "dtstart"),
    ("duration as text", lambda vtn: vtn.add_event(duration="an hour"), "duration"),
    ("negative duration", lambda vtn: vtn.add_event(duration=-60), "duration"),
    (
        "target of a wrong kind",
        lambda vtn: vtn.add_event(targets={"resorce_id": ["a"]}),
        "resource_id",
    ),
    ("target as text", lambda vtn: vtn.add_event(targets="meter"), "targets"),
    ("status", lambda vtn: vtn.add_event(event_status="activ"), "event_status"),
    ("signal type", lambda vtn: vtn.add_event(signal_type="leve"), "signal_type"),
    ("event to modify", lambda vtn: vtn.modify_event("nothing", priority=1), "no event 'nothing'"),
    ("event to cancel", lambda vtn: vtn.cancel_event("nothing"), "no event 'nothing'"),
    ("VEN to forget", lambda vtn: vtn.forget("knwon"), "no VEN 'knwon'"),
    ("report to request", lambda vtn: vtn.request_report("nothing"), "nothing"),
    ("message to queue", lambda vtn: vtn.queue("oadrPoll"), "payload record"),  # type: ignore[arg-type]
    ("kind of message", lambda vtn: vtn.wait_for("oadrPol", timeout=0), "oadrPoll"),
    ("fault by a wrong name", lambda vtn: vtn.fault("slwo"), "slow"),
    ("option of a fault", lambda vtn: vtn.fault("slow", secnds=1), "seconds"),
    ("service of a fault", lambda vtn: vtn.fault(Status(503, service="EiReprt")), "EiReport"),
    ("message of a fault", lambda vtn: Refuse("463", message="oadrPol"), "oadrPoll"),
    ("seconds as text", lambda vtn: vtn.fault(Slow("long")), "seconds"),  # type: ignore[arg-type]
    ("status as text", lambda vtn: Status("five hundred"), "status"),  # type: ignore[arg-type]
    ("code", lambda vtn: Refuse("unknown"), "code"),
    ("limit of a fault", lambda vtn: BadXml(tims=1), "times"),
    ("until as text", lambda vtn: Down(until="later"), "until"),  # type: ignore[arg-type]
    ("raw status", lambda vtn: Raw(b"", status="ok"), "status"),  # type: ignore[arg-type]
    ("raw ending", lambda vtn: Raw(b"", ending="bye"), "ending"),
    ("reply as text", lambda vtn: vtn.reply_once("hello"), "bytes"),  # type: ignore[arg-type]
    ("answer", lambda vtn: vtn.assert_opted("e", "optin"), "optIn"),
    ("client certificate", lambda vtn: vtn.client_cert("a", "dsa"), "kind"),
    ("attribute of the VTN", lambda vtn: setattr(vtn, "pol_frequency", 3), "poll_frequency"),
    ("clock from a naive moment", lambda vtn: ManualClock(datetime(2030, 1, 1)), "aware"),
    ("clock backwards", lambda vtn: ManualClock().advance(-1), "backwards"),
    ("clock by text", lambda vtn: ManualClock().advance("an hour"), "seconds"),  # type: ignore[arg-type]
    (
        "clock to a naive moment",
        lambda vtn: ManualClock().advance_to(datetime(2031, 1, 1)),
        "aware",
    ),
    ("metrics of a name", lambda vtn: exposition("site-a"), "clients"),
    ("metrics of a list of names", lambda vtn: collector(["site-a"]), "clients"),
    ("hours as text", lambda vtn: OpenADRClient("a", URL).schedule("day"), "hours"),  # type: ignore[arg-type]
    (
        "hours that are no number",
        lambda vtn: OpenADRClient("a", URL).schedule(float("nan")),
        "hours",
    ),
    ("zone", lambda vtn: OpenADRClient("a", URL).events_frame(tz="Europe/Berln"), "Europe/Berlin"),
    ("zone as a number", lambda vtn: Rows([]).table(tz=2), "tz"),  # type: ignore[arg-type]
    ("a VEN of a fleet", lambda vtn: Fleet(URL)["site-a"], "site-a"),
    (
        "the same event again",
        lambda vtn: vtn.add_event(event_id="held"),
        "modify_event('held', ...)",
    ),
    ("announce as text", lambda vtn: vtn.add_event(announce="no"), "True or False"),
    ("drop without telling", lambda vtn: vtn.drop_event("e", announce="no"), "True or False"),
    ("registered as text", lambda vtn: vtn.add_ven("a", registered="yes"), "True or False"),
    ("vens registered", lambda vtn: LocalVTN(vens={"a": {"registered": "yes"}}), "True or False"),
    ("memory as text", lambda vtn: vtn.restart(memory="no"), "memory must be True or False"),
    ("a rider", lambda vtn: vtn.cancel_report("r", piggyback="no"), "True or False"),
    ("samples of a name", lambda vtn: vtn.wait_for_samples("power"), "count must be"),
    ("r_id as number", lambda vtn: vtn.wait_for_samples(1, r_id=5), "r_id must be"),
    ("event as number", lambda vtn: vtn.assert_opted(5, "optIn"), "event_id must be"),
    (
        "version as text",
        lambda vtn: vtn.assert_opted("e", "optIn", modification_number="1"),
        "modification_number must be",
    ),
    ("a client for its name", lambda vtn: vtn.assert_registered(vtn), "ven must be"),
    (
        "wait for a call",
        lambda vtn: vtn.wait_until(lambda seen: seen, 0, "it"),
        "called as found()",
    ),
    ("rID as number", lambda vtn: ReportWish(r_ids=[5]), "one of r_ids"),  # type: ignore[list-item]
    ("an order of a script", lambda vtn: vtn.reregister(), "request_reregistration"),
    ("clock to a duration", lambda vtn: ManualClock().advance_to(timedelta(1)), "advance() takes"),
    ("clock by a moment", lambda vtn: ManualClock().advance(AWARE), "advance_to() takes"),
]


@pytest.mark.parametrize("what, call, says", ASKED, ids=[what for what, _, _ in ASKED])
def test_a_mistyped_call_of_the_test_kit_is_told_what_was_meant(
    what: str, call: "Callable[[LocalVTN], Any]", says: str, vtn: LocalVTN
) -> None:
    events, threads = set(vtn.events), threading.active_count()

    with pytest.raises(VenError) as caught:
        call(vtn)

    assert says in str(caught.value)
    assert set(vtn.events) == events
    assert threading.active_count() <= threads + 1


def test_there_are_more_than_a_hundred() -> None:
    assert len(TYPED) + len(WRITTEN) + len(ASKED) > 130
