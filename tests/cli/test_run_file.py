"""A VEN's file and variables: what they become, and complaints that name file, line and key."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ven_sdk import ConfigurationError, Fleet, OpenADRClient
from ven_sdk.cli.run import keys
from ven_sdk.cli.run.build import build
from ven_sdk.cli.run.command import example
from ven_sdk.cli.run.file import Document, load, positions_of
from ven_sdk.cli.run.plan import make_plan
from ven_sdk.cli.run.records import Plan
from ven_sdk.testing import pki

pytest.importorskip(
    "tomllib" if sys.version_info >= (3, 11) else "tomli",
    reason="no TOML reader: the extra 'toml' brings one",
)

GOOD = """\
[ven]
ven_name = "site-a"
vtn_url = "http://localhost:1"
"""
SITE = """\
def on_event(event):
    return 'optIn'

def power():
    return 1

async def slow():
    return 1

not_a_function = 3
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "my_site.py").write_text(SITE, encoding="utf-8")
    (tmp_path / "broken_site.py").write_text("import os\n1 / 0\n", encoding="utf-8")
    (tmp_path / "hungry_site.py").write_text("import a_package_nobody_has\n", encoding="utf-8")
    (tmp_path / "odd_site.py").write_text("def f(:\n", encoding="utf-8")
    before = list(sys.path)
    yield tmp_path
    sys.path[:] = before
    for name in ("my_site", "broken_site", "hungry_site", "odd_site"):
        sys.modules.pop(name, None)


def planned(
    folder: Path, text: str, environment: "dict[str, str] | None" = None, **overrides: Any
) -> Plan:
    path = folder / "ven.toml"
    path.write_text(text, encoding="utf-8")
    return make_plan(load(str(path)), environment or {}, overrides)


def complaint(folder: Path, text: str, **environment: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        build(planned(folder, text, environment))
    return str(caught.value).replace(f"{folder}/", "")


def without_columns(said: str) -> str:
    return re.sub(r"(line \d+), column \d+(?=, |: pass)", r"\1", said)


# --- what it becomes ------------------------------------------------------------------------------


def test_keys_are_the_arguments_of_the_client_and_of_add_report() -> None:
    client = set(inspect.signature(OpenADRClient.__init__).parameters)
    client -= {"self", "clock", "on_event"}  # of programs; the file has [handlers]
    report = set(inspect.signature(OpenADRClient.add_report).parameters) - {"self"}

    assert set(keys.CLIENT) == client
    assert set(keys.REPORT) == report


def test_a_whole_file_becomes_a_client(folder: Path) -> None:
    client = build(
        planned(
            folder,
            GOOD
            + """
poll_frequency = "5 min"
store = "site.db"
market_contexts = ["http://market"]
[ven.targets]
resource_id = ["r1"]
[handlers]
on_event = "my_site:on_event"
before_event = { function = "my_site:on_event", lead = "10 min" }
[[reports]]
callback = "my_site:power"
resource_id = "meter"
measurement = "powerReal"
sampling_rate = 10
[[reports]]
resource_id = "room"
measurement = "temperature"
sampling_rate = { min_period = "1 min", max_period = "1 h" }
report_dtstart = 2026-01-01T00:00:00Z
""",
        )
    )

    assert client.settings.poll_frequency == timedelta(minutes=5)
    assert client.settings.targets == {"resource_id": {"r1"}}
    assert [point.r_id for report in client.reports for point in report.report_descriptions] == [
        "meter-powerReal",
        "room-temperature",
    ]


def test_the_example_file_is_right_as_it_stands_and_with_all_its_lines_in_force(
    folder: Path,
) -> None:
    assert build(planned(folder, example())).settings.ven_name == "site-a"

    every_line = "\n".join(
        line[2:]
        if line.startswith("# ")
        and ("=" in line or "[" in line)
        and "`" not in line
        and "with the arguments" not in line
        and "is an argument" not in line
        else line
        for line in example().splitlines()
    )
    said = complaint(folder, every_line)
    assert "there is no 'on_event_start' in my_site" in said
    assert "no key" not in said
    assert "no table" not in said


def test_relative_paths_count_from_the_file(folder: Path) -> None:
    assert planned(folder, GOOD + 'cert = "certs/ven.pem"\n').arguments["cert"] == str(
        folder / "certs" / "ven.pem"
    )


def test_variables_come_before_the_file_and_the_command_line_before_both(folder: Path) -> None:
    made = planned(
        folder,
        GOOD + "[log]\nlevel = 'INFO'\n",
        {"VEN_NAME": "other", "VEN_LOG_LEVEL": "WARNING"},
        log={"level": "DEBUG"},
    )

    assert made.arguments["ven_name"] == "other"
    assert made.log["level"] == "DEBUG"


def test_variables_alone_are_enough(folder: Path) -> None:
    made = make_plan(
        Document(),
        {
            "VEN_NAME": "a",
            "VEN_VTN_URL": "http://x",
            "VEN_CHECK_HOSTNAME": "no",
            "VEN_TIMEOUT": "5 s",
            "VEN_SIGNALS": "SIMPLE, BID_LOAD",
            "VEN_CALLBACK_WORKERS": "2",
            "VEN_TARGETS": '{"resource_id": ["r"]}',
        },
        {},
    )

    assert made.arguments == {
        "ven_name": "a",
        "vtn_url": "http://x",
        "check_hostname": False,
        "timeout": timedelta(seconds=5),
        "signals": ("SIMPLE", "BID_LOAD"),
        "callback_workers": 2,
        "targets": {"resource_id": ["r"]},
    }


def test_a_passphrase_may_be_mounted_as_a_file(folder: Path) -> None:
    (folder / "secret").write_text("open sesame\n", encoding="utf-8")

    assert (
        planned(folder, GOOD + 'passphrase_file = "secret"\n').arguments["passphrase"]
        == "open sesame"
    )


def test_credentials_of_systemd_are_files_that_may_be_missing(folder: Path) -> None:
    handed = folder / "credentials"
    handed.mkdir()
    identity = pki.identity("credential")
    (handed / "cert").write_bytes(identity.cert_pem)
    (handed / "key").write_bytes(identity.encrypted_key_pem("open sesame"))
    (handed / "passphrase").write_text("open sesame\n")
    (handed / "control_token").write_text("\n")

    plan = planned(folder, GOOD, {"CREDENTIALS_DIRECTORY": str(handed)})

    assert plan.arguments["passphrase"] == "open sesame"
    assert "token" not in plan.control
    client = build(plan)
    assert isinstance(client, OpenADRClient)
    (handed / "cert").write_text("\n")
    (handed / "key").unlink()
    assert "cert" not in planned(folder, GOOD, {"CREDENTIALS_DIRECTORY": str(handed)}).arguments


def test_what_a_cluster_sets_for_a_service_named_ven_does_no_harm(folder: Path) -> None:
    made = planned(
        folder,
        GOOD,
        {"VEN_SERVICE_HOST": "10.0.0.1", "VEN_PORT_80_TCP": "tcp://10.0.0.1:80", "VEN_PORT": "x"},
    )

    assert made.arguments["ven_name"] == "site-a"


@pytest.mark.parametrize(
    "text, span",
    [
        (5, 5),
        (0.5, 0.5),
        ("90", 90),
        ("90 s", 90),
        ("5min", 300),
        ("2 h", 7200),
        ("7 d", 604800),
        ("250 ms", 0.25),
    ],
)
def test_durations_are_read_as_people_write_them(text: Any, span: float) -> None:
    assert keys.seconds(text) == timedelta(seconds=span)


@pytest.mark.parametrize("text", ["five", "5 parsecs", "-5 s", "", True, [5]])
def test_what_is_no_duration_is_refused(text: Any) -> None:
    with pytest.raises(ConfigurationError, match="expected seconds"):
        keys.seconds(text)


def test_a_moment_without_a_zone_is_utc() -> None:
    assert keys.moment("2026-01-31 12:00:00") == datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


# --- complaints -----------------------------------------------------------------------------------

COMPLAINTS = [
    (
        "[ven]\nven_name = site-a\n",
        "ven.toml, line 2, column 12: Invalid value. A text wants quotes.",
    ),
    (
        GOOD + "certt = 'x'\n",
        "ven.toml, line 4, certt: there is no key 'certt' in [ven]. Did you mean 'cert'?",
    ),
    (GOOD + "timeout = 'soon'\n", "ven.toml, line 4, timeout: expected seconds"),
    (GOOD + "timeout = -1\n", "ven.toml, line 4, timeout: timeout must be at least"),
    (
        GOOD + "register = 'perhaps'\n",
        "ven.toml, line 4, register: expected true or false, found 'perhaps'.",
    ),
    (
        GOOD + "callback_workers = 0\n",
        "ven.toml, line 4, callback_workers: callback_workers must be a whole number of at least 1",
    ),
    (
        GOOD + "default_opt = 'optin'\n",
        "ven.toml, line 4, default_opt: default_opt must be one of 'optIn', 'optOut'",
    ),
    (GOOD + "cert = 'nowhere.pem'\n", "ven.toml, line 4, cert: cert 'nowhere.pem' cannot be read"),
    (
        GOOD + "[handler]\non_event = 'a:b'\n",
        "ven.toml, line 4: there is no table or key 'handler' at the top. Did you mean 'handlers'?",
    ),
    (
        "ven_name = 'x'\n" + GOOD,
        "ven.toml, line 1: there is no table or key 'ven_name' at the top. It belongs under [ven].",
    ),
    (
        GOOD + "[reports]\nresource_id = 'a'\n",
        "ven.toml, line 4: reports must be a table: begin it with a line [[reports]]",
    ),
    (
        GOOD + "[handlers]\non_evnt = 'a:b'\n",
        "ven.toml, line 5, on_evnt: there is no handler 'on_evnt'. Did you mean 'on_event'?",
    ),
    (
        GOOD + "[handlers]\non_event = 'on_event'\n",
        "ven.toml, line 5, on_event: expected \"module:function\", found 'on_event'.",
    ),
    (
        GOOD + "[handlers]\non_event = 'my_sitee:on_event'\n",
        "ven.toml, line 5, on_event: there is no module 'my_sitee'",
    ),
    (GOOD + "[handlers]\non_event = 'my_sitee:on_event'\n", "Did you mean 'my_site'?"),
    (
        GOOD + "[handlers]\non_event = 'my_site:on_evnt'\n",
        "there is no 'on_evnt' in my_site (my_site.py). Did you mean 'on_event'?",
    ),
    (GOOD + "[handlers]\non_event = 'my_site:not_a_function'\n", "is no function but int 3"),
    (
        GOOD + "[handlers]\non_event = 'my_site:power'\n",
        "ven.toml, line 5, on_event: my_site.power() cannot be called as on_event(event)",
    ),
    (
        GOOD + "[handlers]\non_event = 'broken_site:f'\n",
        "importing 'broken_site' raised ZeroDivisionError: division by zero (broken_site.py, "
        "line 2)",
    ),
    (
        GOOD + "[handlers]\non_event = 'hungry_site:f'\n",
        "the module 'hungry_site' needs 'a_package_nobody_has', which is not installed",
    ),
    (GOOD + "[handlers]\non_event = 'odd_site:f'\n", "the module 'odd_site' has a syntax error"),
    (
        GOOD + "[handlers]\nbefore_event = 'my_site:on_event'\n",
        "ven.toml, line 5, before_event: expected { function",
    ),
    (
        GOOD + "[[reports]]\ncallback = 'my_site:power'\nmeasurement = 'voltge'\n",
        "ven.toml, line 6, [[reports]] number 1",
    ),
    (GOOD + "[[reports]]\ncallback = 'my_site:power'\nmeasurement = 'voltge'\n", "voltage"),
    (
        GOOD + "[[reports]]\ncallback = 'my_site:slow'\nmeasurement = 'voltage'\n",
        "ven.toml, line 5, [[reports]] number 1: ",
    ),
    (
        GOOD + "[[reports]]\nresource_id = 'a'\n[[reports]]\nresorce_id = 'b'\n",
        "ven.toml, line 7, resorce_id: there is no key",
    ),
    (
        GOOD + "[[reports]]\nsampling_rate = { min_period = 1 }\n",
        "ven.toml, line 5, sampling_rate: expected min_period and max_period",
    ),
    (
        GOOD + "[[reports]]\nreport_dtstart = 2026-01-01\n",
        "line 5, report_dtstart: expected a date and time such as",
    ),
    (
        "[ven]\nven_name = 'x'\n",
        'ven.toml: vtn_url is missing: write vtn_url = "..." under [ven] in ven.toml, or set '
        "VEN_VTN_URL.",
    ),
    (GOOD + "vtn_url = 'x'\n", "ven.toml, line 4, column"),
    (
        "[ven]\nven_name = 'x'\nvtn_url = 'vtn.example.com'\n",
        "ven.toml, line 3, vtn_url: vtn_url must look like",
    ),
    (
        GOOD + "passphrase_file = 'gone'\n",
        "ven.toml, line 4, passphrase_file: 'gone' cannot be read",
    ),
    (GOOD + "passphrase_file = 5\n", "line 4, passphrase_file: expected a text in quotes"),
    (GOOD + "cert = ''\n", "line 4, cert: expected a path, found ''"),
    (GOOD + "timeout = -1\n", "line 4, timeout: timeout must be at least 0.001 s, not -1 s"),
    (GOOD + "cert = 1979-05-27T07:32:00Z\n", "expected a text in quotes, found the date 1979-05"),
    (GOOD + "tls_fingerprint = 'x'\n", "ven.toml, line 4, tls_fingerprint: tls_fingerprint: 'x'"),
    (GOOD + "on_event = 'optIn'\n", "in [ven]. It belongs under [handlers]."),
    (GOOD + "ca = 'x'\n", "in [ven]. Did you mean 'ca_file'?"),
    (GOOD + "vtn_url = 'x'\n", "The key stands twice in its table."),
    (GOOD + GOOD, "The table stands twice: put its keys together."),
    (GOOD + "store = 'x\n", "A text wants its closing quote on the same line."),
    (GOOD + 'cert = "C:\\ven\\x"\n', "Write a Windows path in single quotes"),
    (GOOD + "[log]\nlevel = 'loud'\n", "line 5, level: expected one of DEBUG, INFO"),
    (GOOD + "[log]\nformat = 'jsn'\n", "found 'jsn'. Did you mean 'json'?"),
    (GOOD + "[health]\nport = 'x'\n", "line 5, port: The health port must be a number"),
    (GOOD + "[health]\nfile = '/nowhere/x'\n", "line 5, file: the folder of '/nowhere/x'"),
    (GOOD + "[control]\nport = '0.0.0.0:1'\n", "line 5, port: The control port answers this"),
    (GOOD + "[control]\nport = 1\ntoken = 'short'\n", "line 6, token: The control API wants"),
    (GOOD + "[handlers]\non_event = []\n", "found an empty list"),
    (GOOD + "[handlers]\non_event = 'optin'\n", "found 'optin'. Did you mean 'optIn'?"),
    (GOOD + "[handlers]\non_event = 'my_site.f'\n", "Did you mean 'my_site:f'?"),
    (
        GOOD + "[handlers]\nbefore_event = { function = 'my_site:f', leed = '5 min' }\n",
        "found the key 'leed'. Did you mean 'lead'?",
    ),
    (
        GOOD + "[[reports]]\nresource_id = 'm'\nreport_data_source = { resource = 'x' }\n",
        "line 6, [[reports]] number 1: Target has no field 'resource'",
    ),
    (
        GOOD + "[[reports]]\nsampling_rate = { min_period = 1, max_perod = 2 }\n",
        "Did you mean 'max_period'?",
    ),
]


def test_several_values_of_one_report_are_told_at_once(folder: Path) -> None:
    said = complaint(
        folder,
        GOOD + "[[reports]]\nresource_id = ''\nmeasurement = 'voltge'\ngaps = 'x'\n",
    )

    assert re.findall(r"line (\d+)", said) == ["5", "6", "7"]


def test_a_value_that_the_message_does_not_name_is_found_all_the_same(folder: Path) -> None:
    (folder / "junk.pem").write_bytes(b"junk")

    said = complaint(folder, GOOD + "cert = 'junk.pem'\n")

    assert [without_columns(line).split(": ")[0] for line in said.splitlines()] == [
        "ven.toml, line 4, cert"
    ]


@pytest.mark.parametrize("text, says", COMPLAINTS, ids=range(len(COMPLAINTS)))
def test_complaints_name_file_line_and_key(text: str, says: str, folder: Path) -> None:
    assert says in without_columns(complaint(folder, text))


def test_all_problems_of_a_file_are_told_at_once(folder: Path) -> None:
    said = complaint(
        folder, GOOD + "certt = 'x'\ntimeout = 'soon'\n[handlers]\non_event = 'nowhere:f'\n"
    )

    assert [line.split(":")[0] for line in said.splitlines()] == [
        "ven.toml, line 4, column 1, certt",
        "ven.toml, line 5, column 11, timeout",
        "ven.toml, line 7, column 12, on_event",
    ]


def test_values_that_only_the_client_can_judge_are_told_all_at_once_too(folder: Path) -> None:
    said = complaint(
        folder,
        "[ven]\nven_name = 'a'\nvtn_url = 'x'\ndefault_opt = 'maybe'\ntimeout = -1\n"
        "cert = 'nowhere.pem'\nkey = 'nowhere.key'\ncallback_workers = 0\n"
        "[handlers]\non_event = 'my_site:power'\n"
        "[[reports]]\nresource_id = 'm'\nmeasurement = 'voltge'\n"
        "[[reports]]\ncallback = 'my_site:slow'\nmeasurement = 'voltage'\n"
        "[control]\nport = 0\n",
    )

    assert [re.findall(r"line (\d+)", line)[0] for line in said.splitlines()] == [
        "3",
        "4",
        "5",
        "6",
        "8",
        "10",
        "13",
        "15",
        "17",
    ], said


@pytest.mark.parametrize("key", sorted({*keys.CLIENT} - {"ven_name", "vtn_url"}))
def test_a_wrong_value_of_any_key_is_told_with_its_place(key: str, folder: Path) -> None:
    said = complaint(folder, GOOD + f"{key} = [[3]]\n")

    assert said.startswith("ven.toml, line 4, column "), said


# --- fleets ---------------------------------------------------------------------------------------

FLEET = """\
[ven]
vtn_url = "http://localhost:1"
poll_frequency = 5
[handlers]
on_event = "my_fleet:on_event"
[[reports]]
callback = "my_fleet:power"
resource_id = "meter of {ven_name}"
measurement = "powerReal"
"""


@pytest.fixture
def fleet_folder(folder: Path) -> Path:
    (folder / "my_fleet.py").write_text(
        "def on_event(ven, event):\n    return 'optIn'\n\ndef power(ven):\n    return 1\n",
        encoding="utf-8",
    )
    sys.modules.pop("my_fleet", None)
    return folder


def test_vens_of_a_file_and_of_a_table_of_sites_are_a_fleet(fleet_folder: Path) -> None:
    (fleet_folder / "sites.csv").write_text(
        "ven_name;timeout;vtn_url\nsite-b;5 s;\n\nsite-c;;http://localhost:2\n", encoding="utf-8"
    )

    fleet = build(
        planned(
            fleet_folder,
            FLEET + '[fleet]\nsites = "sites.csv"\n[[vens]]\nven_name = "site-a"\n'
            '[[vens.reports]]\nresource_id = "room"\nmeasurement = "temperature"\n',
        )
    )

    assert isinstance(fleet, Fleet)
    assert {ven.settings.ven_name for ven in fleet} == {"site-a", "site-b", "site-c"}
    assert fleet["site-b"].settings.timeout == 5
    assert fleet["site-c"].settings.vtn_url.startswith("http://localhost:2/")
    points = {
        name: [p.r_id for report in fleet[name].reports for p in report.report_descriptions]
        for name in ("site-a", "site-b")
    }
    assert points == {
        "site-a": ["meter_of_site-a-powerReal", "room-temperature"],
        "site-b": ["meter_of_site-b-powerReal"],
    }


@pytest.mark.parametrize(
    "text, says",
    [
        ("[[vens]]\nven_nme = 'a'\n", "line 11, column 1, ven_nme: there is no key 'ven_nme'"),
        ("[[vens]]\ntimeout = 3\n", "line 10: ven_name is missing"),
        (
            "[[vens]]\nven_name = 'a'\n[[vens]]\nven_name = 'a'\n",
            "line 13, column 12, ven_name: The fleet has a VEN named 'a' already",
        ),
        (
            "[[vens]]\nven_name = 'a'\ndefault_opt = 'no'\n",
            "line 12, column 15, default_opt: default_opt must be one of",
        ),
        ("[fleet]\nstart_rate = 0\n[[vens]]\nven_name = 'a'\n", "line 11, column 14, start_rate"),
        ("[fleet]\n", "the fleet has no VEN"),
        ("[fleet]\nsites = 'gone.csv'\n", "gone.csv cannot be read"),
        ("[vens]\nven_name = 'a'\n", "[[vens]] (two brackets, once for each)"),
    ],
)
def test_complaints_about_a_fleet_name_the_place(text: str, says: str, fleet_folder: Path) -> None:
    assert says in complaint(fleet_folder, FLEET + text)


@pytest.mark.parametrize(
    "table, says",
    [
        ("", "sites.csv, line 1: the first row names the columns, one of them ven_name"),
        ("name\na\n", "sites.csv, line 1: the first row names the columns"),
        ("ven_name,tmeout\na,3\n", "sites.csv, line 1, tmeout: there is no key 'tmeout'"),
        ("ven_name,timeout\na,soon\n", "sites.csv, line 2, timeout: expected seconds"),
        ("ven_name,timeout\na,0\n", "sites.csv, line 2, timeout: timeout must be"),
        ("ven_name\na,b\n", "sites.csv, line 2: 2 cells, but there are 1 columns."),
        ("ven_name,ven_id,timeout\na\n", "sites.csv, line 2: 1 cell, but there are 3 columns"),
        ("ven_name;ven_id;timeout\na;b\n", "sites.csv, line 2: 2 cells, but there are 3 columns"),
        ("ven_name\na\na\n", "sites.csv, line 3, ven_name: The fleet has a VEN named 'a'"),
        ('ven_name\n"a\n', "sites.csv, line"),
    ],
)
def test_complaints_about_a_table_of_sites_name_its_line(
    table: str, says: str, fleet_folder: Path
) -> None:
    (fleet_folder / "sites.csv").write_text(table, encoding="utf-8")

    assert says in complaint(fleet_folder, FLEET + "[fleet]\nsites = 'sites.csv'\n")


def test_each_row_of_a_table_that_is_wrong_is_told_at_once(fleet_folder: Path) -> None:
    (fleet_folder / "sites.csv").write_text(
        "ven_name,timeout,ven_id\na\nb,soon,\nc,1,2,3\nd,1,\nd,2,\n", encoding="utf-8"
    )

    found = complaint(fleet_folder, FLEET + "[fleet]\nsites = 'sites.csv'\n").splitlines()

    places = [re.search(r"sites.csv, line (\d)", line) for line in found]
    assert [place and place[1] for place in places] == ["2", "3", "4", "6"], found


def test_a_table_of_nothing_but_wrong_rows_is_not_said_to_be_empty(fleet_folder: Path) -> None:
    (fleet_folder / "sites.csv").write_text("ven_name,timeout\na\n", encoding="utf-8")

    found = complaint(fleet_folder, FLEET + "[fleet]\nsites = 'sites.csv'\n")

    assert "1 cell, but there are 2 columns" in found
    assert "no VEN" not in found


@pytest.mark.parametrize("word", ["True", "FALSE", "yes", "no", "On", "off"])
def test_a_truth_in_other_letters_is_not_told_to_want_quotes(folder: Path, word: str) -> None:
    found = complaint(folder, GOOD + f"strict = {word}\n")

    assert "true or false, in small letters and without quotes" in found
    assert "wants quotes" not in found


@pytest.mark.parametrize(
    "text, says",
    [
        ('[Ven]\nven_name = "a"\nvtn_url = "http://h"\n', "Did you mean 'ven'?"),
        ('[[ven]]\nven_name = "a"\nvtn_url = "http://h"\n', "ven must be a table"),
        ('ven_name = "a"\nvtn_url = "http://h"\n', "It belongs under [ven]."),
        ('[ven]\nven_nam = "a"\nvtn_url = "http://h"\n', "Did you mean 'ven_name'?"),
        ('[ven]\nvtn_url = "http://h"\n[fleet]\nsite = "s.csv"\n', "Did you mean 'sites'?"),
        ('[vens]\nven_name = "a"\n', "vens must be a table"),
    ],
)
def test_what_stands_under_another_name_is_not_said_to_be_missing(
    folder: Path, text: str, says: str
) -> None:
    found = complaint(folder, text)

    assert says in found
    assert "is missing" not in found and "has no VEN" not in found


PORTS = """[ven]
ven_name = "a"
vtn_url = "http://vtn.example.com"
push = "http://me.example.com"
listen = "{listen}"
[health]
port = "{health}"
[control]
port = "{control}"
token = "0123456789abcdef"
"""


@pytest.mark.parametrize(
    "listen, health, control, says",
    [
        (":8443", "8080", "8080", "line 9, column 8, port: port 8080 is that of [health] already"),
        (":8443", "0.0.0.0:8080", "localhost:8080", "port 8080 is that of [health] already"),
        (":8080", "8080", "8090", "line 5, column 10, listen: port 8080 is that of [health]"),
        ("[::]:8090", "8080", "8090", "listen: port 8090 is that of [control] already"),
    ],
)
def test_two_servers_at_one_port_are_refused_before_they_open_it(
    folder: Path, listen: str, health: str, control: str, says: str
) -> None:
    assert says in complaint(folder, PORTS.format(listen=listen, health=health, control=control))


@pytest.mark.parametrize(
    "listen, health, control",
    [(":8443", "8080", "8090"), (":0", "0", "0"), ("192.0.2.1:8080", "8080", "8090")],
)
def test_servers_at_ports_of_their_own_are_taken(
    folder: Path, listen: str, health: str, control: str
) -> None:
    build(planned(folder, PORTS.format(listen=listen, health=health, control=control)))


def test_a_callback_of_a_fleet_gets_its_ven(fleet_folder: Path) -> None:
    text = FLEET.replace("my_fleet:power", "my_site:power") + "[[vens]]\nven_name = 'a'\n"

    assert "in a fleet a callback gets the VEN" in complaint(fleet_folder, text)


@pytest.mark.parametrize(
    "name, value, says",
    [
        ("VEN_TIMEOUT", "soon", "the variable VEN_TIMEOUT: expected seconds"),
        ("VEN_VEN_NAME", "a", "there is no such variable; did you mean VEN_NAME?"),
        ("VEN_VEN_ID", "a", "there is no such variable; did you mean VEN_ID?"),
        ("VEN_URL", "http://x", "there is no such variable; did you mean VEN_VTN_URL?"),
        (
            "VEN_VTN_FINGERPRNT",
            "AA",
            "the variable VEN_VTN_FINGERPRNT: there is no such variable; did you mean "
            "VEN_VTN_FINGERPRINT?",
        ),
        ("VEN_ON_EVENT", "my_site:nothing", "the variable VEN_ON_EVENT: there is no 'nothing'"),
        ("VEN_VTN_URL", "x", "the variable VEN_VTN_URL: vtn_url must look like"),
    ],
)
def test_complaints_about_variables_name_them(
    name: str, value: str, says: str, folder: Path
) -> None:
    assert says in complaint(folder, GOOD, **{name: value})


def test_a_file_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"gone\.toml cannot be read: No such file"):
        load(str(folder / "gone.toml"))


def test_lines_are_found_in_spite_of_texts_of_many_lines_and_comments() -> None:
    text = (
        '# [not]\n[a]\nx = """\n[b]\ny = 1\n"""\n"quoted key" = 1\nd.e = 2\n'
        "[[r]]\nk = 1\n\n[[r]] # two\nk = 2\n[r.sub]\n"
    )

    lines = {place: position.line for place, position in positions_of(text).items()}

    assert lines[("a",)] == 2
    assert ("b",) not in lines
    assert lines[("a", "quoted key")] == 7
    assert lines[("a", "d", "e")] == 8
    assert lines[("r", 0, "k")] == 10
    assert lines[("r", 1, "k")] == 13


@pytest.mark.parametrize(
    "line",
    [
        'proxies = "http://joe:S3cret@proxy"',
        'store = "mysql://joe:S3cret@host/db"',
        'passphrase = ["S3cret"]',
        "passphrase = 83738374",
    ],
)
def test_no_secret_of_a_file_is_in_a_complaint(folder: Path, line: str) -> None:
    said = complaint(folder, f"{GOOD}{line}\n")

    assert "S3cret" not in said and "83738374" not in said


def test_a_store_in_a_file_may_be_a_database(folder: Path) -> None:
    plan = planned(folder, f'{GOOD}store = "postgresql://ven@host/db"\n')

    assert plan.ven.arguments["store"] == "postgresql://ven@host/db"


def test_a_file_of_endless_brackets_is_told_as_such(folder: Path) -> None:
    path = folder / "ven.toml"
    path.write_text("a = " + "[" * 100_000)

    with pytest.raises(ConfigurationError, match=r"ven\.toml"):
        load(str(path))
