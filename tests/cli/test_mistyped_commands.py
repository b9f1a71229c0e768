"""Mistyped files and options, as new users type them: exit code 2, one message that says where and
what would be right, no traceback.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ven_sdk.cli import main

GOOD = '[ven]\nven_name = "a"\nvtn_url = "http://localhost:1"\n'
FLEET = '[ven]\nvtn_url = "http://localhost:1"\n[fleet]\nsites = "sites.csv"\n'
needs_toml = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="a TOML reader comes with Python 3.11"
)
POINT = '[[reports]]\ncallback = "habits:power"\nresource_id = "m"\n'
FILES = [
    ("", "ven_name is missing"),
    ('[client]\nven_name = "a"\n', "there is no table or key 'client'"),
    ('[Ven]\nven_name = "a"\n', "Did you mean 'ven'?"),
    ('{"ven": {"ven_name": "a"}}', "line 1, column 1"),
    ("ven:\n  ven_name: a\n", "line 1, column 4"),
    ("[ven]\nven_name = a\n", "A text wants quotes."),
    ("[ven]\nven_name = \u201ca\u201d\n", "A text wants quotes."),
    ('[ven]\nven_name = "a";\n', "line 2, column 15"),
    ('ven_name = "a"\n', "It belongs under [ven]."),
    (GOOD + 'ven_name = "b"\n', "The key stands twice in its table."),
    (GOOD + "strict = True\n", "line 4, column 10"),
    (GOOD + "poll_frequency = 10 s\n", "line 4"),
    (GOOD + 'poll_frequency = "10 parsecs"\n', 'such as "90 s", "5 min"'),
    (GOOD + "poll_frequency = -5\n", "must be at least 0.001 s"),
    (GOOD + '[handlers]\non_event = "habit:on_event"\n', "Did you mean 'habits'?"),
    (GOOD + '[handlers]\non_event = "habits.on_event"\n', "Did you mean 'habits:on_event'?"),
    (GOOD + '[handlers]\non_event = "habits:on_event()"\n', "Did you mean 'on_event'?"),
    (GOOD + '[handlers]\non_event = "habits:on_evnt"\n', "Did you mean 'on_event'?"),
    (GOOD + '[handlers]\non_evnt = "habits:on_event"\n', "line 5, column 1, on_evnt"),
    (GOOD + '[handlers]\non_connect = "habits:on_event"\n', "Did you mean 'on_registered'?"),
    (GOOD + "[handlers]\non_event = 5\n", 'expected "module:function", found 5'),
    (GOOD + '[handlers]\nbefore_event = "habits:on_event"\n', 'lead = "5 min" }'),
    (GOOD + '[reports]\ncallback = "habits:power"\n', "a line [[reports]] (two brackets"),
    (GOOD + '[[report]]\ncallback = "habits:power"\n', "Did you mean 'reports'?"),
    (GOOD + POINT + 'measurement = "powr"\n', "Near names: powerReal"),
    (GOOD + POINT + 'measurement = "powerReal"\nunit = "kWh"\n', "'kWh' is a unit of 'energyReal'"),
    (GOOD + POINT + 'sampling_rate = "fast"\n', "line 7, column 17, sampling_rate"),
    (GOOD + '[log]\nlevel = "LOUD"\n', "expected one of DEBUG, INFO"),
    (GOOD + '[logging]\nlevel = "INFO"\n', "Did you mean 'log'?"),
    (GOOD + '[health]\nport = "80x"\n', "such as '0.0.0.0:8080'"),
    (GOOD + "[health]\nport = 99999\n", "a number from 0 to 65535"),
    (GOOD + "[health]\nprot = 8080\n", "Did you mean 'port'?"),
    (GOOD + "[metrics]\nport = 9100\n", "Did you mean 'health'?"),
    (GOOD + 'cert = "nope.pem"\n', "nope.pem' cannot be read"),
    (GOOD + 'passphrase = "x"\n', "passphrase was given without cert"),
    (GOOD + "store = 5\n", "expected a text in quotes, found 5"),
    (GOOD + 'targets = "r1"\n', 'a table such as { name = "value" }'),
    (GOOD + '[ven.targets]\nresource = "r1"\n', "Did you mean 'resource_id'?"),
    (GOOD + 'signals = ["SIMPEL"]\n', "Did you mean 'SIMPLE'?"),
    ('[ven]\nven_name = "a"\nvtn_url = "localhost:1"\n', "'https://localhost:1'"),
    (GOOD + '[[vens]]\nven_name = "b"\n', "each VEN of a fleet has a name of its own"),
    ('[fleet]\nvtn_url = "http://x"\n[[vens]]\nname = "b"\n', "Did you mean 'ven_name'?"),
    (GOOD + '[control]\nport = "x"\n', "The control port must be a number"),
    (GOOD + "[contrl]\nport = 1\n", "Did you mean 'control'?"),
    (GOOD + 'on_event = "habits:on_event"\n', "It belongs under [handlers]."),
    (GOOD + 'clock = "x"\n', "there is no key 'clock' in [ven]"),
    # tables in the wrong place, and keys that begin with a table's name
    (GOOD + '[ven.reports]\ncallback = "habits:power"\n', "begin it with a line [[reports]]"),
    (GOOD + '[[ven.reports]]\ncallback = "habits:power"\n', "begin it with a line [[reports]]"),
    (GOOD + '[ven.handlers]\non_event = "habits:on_event"\n', "begin it with a line [handlers]"),
    (GOOD + '[ven.log]\nlevel = "INFO"\n', "begin it with a line [log]"),
    (GOOD + '[health]\nlog = "INFO"\n', "begin it with a line [log]"),
    ('[[vens]]\nhandlers = { on_event = "x:y" }\n', "begin it with a line [handlers]"),
    (GOOD + "health_port = 8080\n", "It is port under [health]."),
    (GOOD + 'log_level = "INFO"\n', "It is level under [log]."),
    ("control_port = 8090\n" + GOOD, "It is port under [control]."),
    (GOOD + '[log]\nfile = "ven.log"\n', "The log goes to standard error"),
    (GOOD + "[[reports]]\n", "[[reports]] is empty: give resource_id and measurement."),
    (GOOD + POINT.replace('"m"', '"meter of {ven_nam}"'), "Did you mean {ven_name}?"),
    (GOOD + '[handlers]\non_event = ["habits:on_event", "habits:power"]\n', "is one function"),
    # what is no TOML
    (GOOD.encode("utf-16"), "is UTF-16 text"),
    (GOOD.encode("utf-16-le"), "is UTF-16 text"),
    (GOOD.encode() + b"store = '\xe4.db'\n", "is not UTF-8"),
    ('ven = {\n  ven_name = "a" }\n', "stands on one line"),
    ('ven = { ven_name = "a", }\n', "stands on one line"),
    ("[ven]\nven_name = 'a\n", "wants its closing quote"),
    ('[ven]\nven_name: "a"\n', "are joined by ="),
    # functions and places
    (GOOD + '[handlers]\non_event = "./habits:on_event"\n', "Did you mean 'habits:on_event'?"),
    (GOOD + '[handlers]\non_event = "habits/on_event"\n', "Did you mean 'habits:on_event'?"),
    (GOOD + '[handlers]\non_event = "x/habits.py:on_event"\n', "Did you mean 'habits:on_event'?"),
    (GOOD + '[handlers]\non_event_start = "optIn"\n', "Only on_event and on_update_event take"),
    (GOOD + '[health]\nport = "http://localhost:8080"\n', "such as '0.0.0.0:8080'"),
    (GOOD + '[health]\nport = "local host:8080"\n', "such as '0.0.0.0:8080'"),
    (GOOD + '[health]\nfile = "."\n', "is a folder, not a file"),
    (GOOD + 'proxies = "http://proxy:3128"\n', '{ https = "http://proxy:3128" }'),
]
SITES = [
    ("ven_name|poll_frequency\na|10\n", "separated by commas or semicolons"),
    ("ven_name\tpoll_frequency\na\t10\n", "separated by commas or semicolons"),
    ("sep=;\nven_name;poll_frequency\na;10\n", "found sep=, ."),
    ("ven_name,\na,x\n", "line 2: the column of 'x' has no name"),
    ("ven_name,address\na,x\n", "stands in a file of your own"),
    ("ven_name\na\n".encode("utf-16"), "save it as CSV UTF-8"),
    ("ven_name\na\n".encode("utf-16-le"), "save it as CSV UTF-8"),
    ("ven_name,log_level\na,INFO\n", "It is level under [log]."),
]
TAKEN = [
    ("ven.toml", b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()),
    ("ven.toml", b'ven.ven_name = "a"\nven.vtn_url = "http://localhost:1"\n'),
    ("ven.toml", (GOOD + POINT.replace('"m"', '"meter of {ven_name}"')).encode()),
    ("sites.csv", b"ven_name\ra\rb\r"),
    ("sites.csv", b"ven_name;;\r\na;;\r\n"),
]
LINES = [
    ("rum", "did you mean run?"),
    ("run", "ven-sdk run FILE, or set VEN_NAME"),
    ("run nope.toml", "nope.toml cannot be read: No such file"),
    ("run --chek x.toml", "did you mean --check?"),
    ("run habits", "cannot be read: No such file"),
    ("run good", "Did you mean good.toml?"),
    ("run habits.py", "start the program by: python habits.py"),
    ("run --config good.toml", "the file needs no option: ven-sdk run FILE"),
    ("run --file=good.toml", "the file needs no option"),
    ("run --verbose good.toml", "did you mean --log-level?"),
    ("run -- good.toml --check", "--check stands behind --"),
    ("demo --secs 5", "There is no option --secs"),
    ("doctor", "Give URL, the VTN's address"),
    ("doctor --url http://x", "There is no option --url"),
    ("doctor http://localhost:1 --ca x", "did you mean --ca-file?"),
    ("doctor http://localhost:1 --password x", "did you mean --passphrase?"),
    ("doctor http://localhost:1 --client-cert x", "did you mean --cert?"),
    ("doctor https://localhost:1 --timeout x", "Argument --timeout: expected seconds"),
    ("vtn --port x", "expected a port from 0 to 65535, found 'x'"),
    ("vtn --prot 8080", "did you mean --port?"),
    ("vtn 8080", "'8080' is one argument too many"),
    ("certify", "Say which VEN"),
    ("certify nope", "'nope' is no VEN"),
    ("certify http://localhost:8080", "'http://localhost:8080' is no VEN"),
    ("certify habits:on_event --only 1", "on_event(event) cannot be called as on_event()"),
    ("certify habits:fail --only 1", "habits:fail raised ZeroDivisionError"),
    ("certify habits:power --only 1", "gives a int"),
    ("fleet statsu", "did you mean status?"),
    ("fleet status", "Give --store postgresql://"),
    ("store chek x.db", "did you mean check?"),
    ("store check nope.db", "There is no store"),
    ("store copy a.db", "required: TO"),
    ("init metr", "write --kind meter"),
    ("fingerprint nope.pem", "'nope.pem' cannot be read"),
    ("fingerprint habits.py", "holds no certificate"),
    ("fingerprint --jsn x", "did you mean --json?"),
    ("--verison", "did you mean --version?"),
    ("help rum", "did you mean run?"),
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_process: None) -> Path:
    (tmp_path / "habits.py").write_text(
        "def on_event(event):\n    return 'optIn'\n\n\ndef power():\n    return 1\n\n\n"
        "def fail():\n    return 1 / 0\n",
        encoding="utf-8",
    )
    (tmp_path / "good.toml").write_text(GOOD, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("COLUMNS", "1000")
    return tmp_path


@needs_toml
@pytest.mark.parametrize(
    "text, says", FILES, ids=[f"{at}-{says}" for at, (_, says) in enumerate(FILES)]
)
def test_a_wrong_file_is_told_where_and_what_would_be_right(
    folder: Path, text: "str | bytes", says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "ven.toml").write_bytes(text.encode() if isinstance(text, str) else text)
    code = main(["run", "--check", "ven.toml"])
    sys.modules.pop("habits", None)

    said = capsys.readouterr().err
    assert code == 2
    assert says in said
    assert "ven.toml" in said


@needs_toml
@pytest.mark.parametrize("table, says", SITES)
def test_a_wrong_table_of_sites_is_told_once_and_what_would_be_right(
    folder: Path, table: "str | bytes", says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "fleet.toml").write_text(FLEET, encoding="utf-8")
    (folder / "sites.csv").write_bytes(table.encode() if isinstance(table, str) else table)

    assert main(["run", "--check", "fleet.toml"]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert "the fleet has no VEN" not in said


@needs_toml
@pytest.mark.parametrize("file, data", TAKEN)
def test_what_is_only_written_another_way_is_taken(folder: Path, file: str, data: bytes) -> None:
    (folder / "fleet.toml").write_text(FLEET, encoding="utf-8")
    (folder / file).write_bytes(data)

    assert main(["run", "--check", "ven.toml" if file == "ven.toml" else "fleet.toml"]) == 0


@pytest.mark.parametrize("line, says", LINES)
def test_a_wrong_line_is_told_what_would_be_right(
    line: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(line.split()) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("line", ["help run", "run --help"])
def test_help_of_a_command_is_had_either_way(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line.split()) == 0
    assert "ven-sdk run" in capsys.readouterr().out
