"""``ven-sdk run``: a VEN from a TOML file and ``VEN_*`` variables, as a service runs it: logs,
health, signals, exit codes.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Optional, Union

from ...client import OpenADRClient
from ...fleet import Fleet
from ...text import without_secrets
from ..console import Console
from ..parser import Parser, Usage
from . import keys
from .file import Document, load
from .functions import Termination
from .log import set_up
from .plan import make_plan
from .records import Plan, Report

EPILOG = """\
Every argument of OpenADRClient is a key under [ven] and a variable: vtn_url is VEN_VTN_URL,
ven_name is VEN_NAME. The command line has precedence over variables, these over the file.
Relative paths in the file count from its folder, where modules are looked for as well. ven-sdk
run --example prints a file to begin with.

Exit codes: 0 after SIGTERM or Ctrl-C, 1 when it cannot run (a store that another process
holds), 2 for a wrong file, variable or certificate."""

FILE_ALONE = " (the file needs no option: ven-sdk run FILE)"


def configure(parser: Parser) -> None:
    """The options."""
    parser.elsewhere = {
        **dict.fromkeys(("--config", "--file", "-c", "-f"), FILE_ALONE),
        **{
            f"--{key.replace('_', '-')}": f" (write {key} under [ven] in the file, or set "
            f"{keys.variable(key)})"
            for key in keys.CLIENT
        },
    }
    parser.add_argument(
        "file", metavar="FILE", nargs="?", help="a TOML file; VEN_CONFIG names it otherwise"
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="check file, variables, functions and certificates, and exit",
    )
    parser.add_argument("--example", action="store_true", help="print an example file and exit")
    parser.add_argument(
        "--log-level", metavar="LEVEL", help="DEBUG, INFO (the default), WARNING, ERROR"
    )
    parser.add_argument("--log-format", choices=("text", "json"), help="json: one object a line")
    parser.add_argument(
        "--health-port",
        metavar="[HOST:]PORT",
        help="answer GET /health (200, or 503 with the reasons), /live and /metrics here",
    )
    parser.add_argument(
        "--control-port",
        metavar="PORT",
        help="a local API for programs of other languages; its token is in VEN_CONTROL_TOKEN",
    )
    parser.add_argument(
        "--health-file", metavar="FILE", help="write the same to this file every 5 s"
    )


def execute(options: argparse.Namespace, console: Console) -> int:
    """Run until a signal says stop."""
    if options.example:
        console.line(example().rstrip())
        return 0
    # also as process 1 of a container, which has no default action
    signal.signal(signal.SIGTERM, _leave)
    plan = _plan(options)
    from .build import build

    runner = build(plan)
    if options.check:
        summarise(plan, runner, console)
        return 0
    with _open_ports(runner, plan):
        runner.run()
    return 0


def example() -> str:
    """The text of the example file."""
    return resources.files(__package__).joinpath("example.toml").read_text(encoding="utf-8")


def _leave(_number: int, _frame: object) -> None:
    raise Termination(0)


def _plan(options: argparse.Namespace) -> Plan:
    name: Optional[str] = options.file or os.environ.get("VEN_CONFIG")
    if name is None and not (os.environ.get("VEN_NAME") or os.environ.get("VEN_VTN_URL")):
        raise Usage(
            "Say which VEN: ven-sdk run FILE, or set VEN_NAME and VEN_VTN_URL. A VEN to begin "
            "with: ven-sdk init"
        )
    document = load(name) if name else Document()
    plan = make_plan(document, os.environ, _overrides(options))
    set_up(plan.log.get("level"), plan.log.get("format"))
    return plan


def _overrides(options: argparse.Namespace) -> Mapping[str, dict[str, object]]:
    return {
        "log": {"level": options.log_level, "format": options.log_format},
        "health": {"port": options.health_port, "file": options.health_file},
        "control": {"port": options.control_port},
    }


@contextlib.contextmanager
def _open_ports(runner: Union[OpenADRClient, Fleet], plan: Plan) -> Iterator[None]:
    """The ports and files beside a VEN that runs."""
    from .build import vens_of
    from .control import ControlPort
    from .health import HealthFile, HealthPort

    vens = vens_of(runner)
    with contextlib.ExitStack() as stack:
        if plan.health.get("port") is not None:
            stack.callback(HealthPort(vens, plan.health["port"]).close)
        if plan.health.get("file"):
            stack.callback(HealthFile(vens, plan.health["file"]).close)
        if plan.control.get("port") is not None:
            token = plan.control.get("token")
            stack.callback(ControlPort(vens, plan.control["port"], token).close)
        yield


def _store_name(plan: Plan) -> str:
    """The store, without what may be secret in an address."""
    name = str(plan.arguments.get("store") or "")
    return without_secrets(name) if "://" in name else name


def summarise(plan: Plan, runner: Union[OpenADRClient, Fleet], console: Console) -> None:
    """Write what would run."""
    handlers = ", ".join(dict.fromkeys(handler.name for handler in plan.handlers))
    rows = [
        *_identity_rows(plan, runner),
        ("store", _store_name(plan) or "none: nothing survives a restart"),
        ("handlers", handlers or "none: every event is opted out of"),
        ("reports", ", ".join(map(_report_name, plan.reports)) or "none"),
    ]
    for label, value in rows:
        console.paragraph(str(value), indent=15, first=f"  {label:<12} ")
    console.paragraph(f"{plan.document.name or 'The variables'}: all right.", "green")


def _identity_rows(plan: Plan, runner: Union[OpenADRClient, Fleet]) -> list[tuple[str, str]]:
    if isinstance(runner, OpenADRClient):
        none = "none: plain TLS or HTTP, unsigned messages"
        return [
            ("VEN", runner.settings.ven_name),
            ("VTN", runner.settings.vtn_url),
            ("certificate", str(plan.arguments.get("cert") or none)),
        ]
    urls = list(dict.fromkeys(ven.settings.vtn_url for ven in runner))
    names = [ven.settings.ven_name for ven in runner]
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return [
        ("VENs", f"{len(names)}: {', '.join(names[:5])}{more}"),
        ("VTN", ", ".join(urls)),
    ]


def _report_name(report: Report) -> str:
    arguments = report.arguments
    names = (arguments.get(key) for key in ("resource_id", "r_id", "report_name"))
    return str(next(filter(None, names), "a report"))
