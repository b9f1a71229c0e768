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
from typing import Any, Optional

from ..console import Console
from ..parser import Usage
from .file import Document, load

EPILOG = """\
Every argument of OpenADRClient is a key under [ven] and a variable: vtn_url is VEN_VTN_URL,
ven_name is VEN_NAME. The command line has precedence over variables, these over the file.
Relative paths in the file count from its folder, where modules are looked for as well. ven-sdk
run --example prints a file to begin with.

Exit codes: 0 after SIGTERM or Ctrl-C, 1 when it cannot run (a store that another process
holds), 2 for a wrong file, variable or certificate."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
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
        help="answer GET /health here: 200, or 503 with the reasons",
    )
    parser.add_argument(
        "--health-file", metavar="FILE", help="write the same to this file every 5 s"
    )


def execute(options: argparse.Namespace, console: Console) -> int:
    """Run until a signal says stop."""
    if options.example:
        console.line(example().rstrip())
        return 0
    signal.signal(
        signal.SIGTERM, _leave
    )  # also as process 1 of a container, which has no default action
    plan, client = _prepared(options)
    if options.check:
        _summary(plan, client, console)
        return 0
    with _watched(client, plan.health):
        client.run()
    return 0


def example() -> str:
    """The text of the example file."""
    return resources.files(__package__).joinpath("example.toml").read_text(encoding="utf-8")


def _leave(_number: int, _frame: Any) -> None:
    raise SystemExit(0)


def _prepared(options: argparse.Namespace) -> Any:
    name: Optional[str] = options.file or os.environ.get("VEN_CONFIG")
    if name is None and not (os.environ.get("VEN_NAME") or os.environ.get("VEN_VTN_URL")):
        raise Usage(
            "Say which VEN: ven-sdk run FILE, or set VEN_NAME and VEN_VTN_URL. An example file: "
            "ven-sdk run --example"
        )
    document = load(name) if name else Document()
    from .log import set_up
    from .plan import build_client, make_plan

    plan = make_plan(document, os.environ, _overrides(options))
    set_up(plan.log.get("level"), plan.log.get("format"))
    return plan, build_client(plan)


def _overrides(options: argparse.Namespace) -> Mapping[str, dict[str, Any]]:
    return {
        "log": {"level": options.log_level, "format": options.log_format},
        "health": {"port": options.health_port, "file": options.health_file},
    }


@contextlib.contextmanager
def _watched(client: Any, health: Mapping[str, Any]) -> Iterator[None]:
    from .health import HealthFile, HealthPort

    with contextlib.ExitStack() as stack:
        if health.get("port") is not None:
            stack.callback(HealthPort(client.health, health["port"]).close)
        if health.get("file"):
            stack.callback(HealthFile(client.health, health["file"]).close)
        yield


def _summary(plan: Any, client: Any, console: Console) -> None:
    settings = client.settings
    rows = [
        ("VEN", settings.ven_name),
        ("VTN", settings.vtn_url),
        ("certificate", plan.arguments.get("cert") or "none: plain TLS or HTTP, unsigned messages"),
        ("store", plan.arguments.get("store") or "none: nothing survives a restart"),
        (
            "handlers",
            ", ".join(dict.fromkeys(name for name, *_ in plan.handlers))
            or "none: every event is opted out of",
        ),
        (
            "reports",
            ", ".join(
                str(
                    arguments.get("resource_id")
                    or arguments.get("r_id")
                    or arguments.get("report_name")
                )
                for arguments, _ in plan.reports
            )
            or "none",
        ),
    ]
    for label, value in rows:
        console.paragraph(str(value), indent=15, first=f"  {label:<12} ")
    console.paragraph(f"{plan.document.name or 'The variables'}: all right.", "green")
