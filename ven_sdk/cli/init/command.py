"""``ven-sdk init``: writes ven.toml, site.py and test_site.py for a kind of site. All of them run
at once against ``ven-sdk vtn``. Main thread; existing files are never touched.
"""

from __future__ import annotations

import argparse
import shlex
from importlib import resources
from pathlib import Path
from urllib.parse import urlsplit

from ...errors import ConfigurationError
from ...near_names import nearest
from ...profiles import vtn_address
from ..console import Console
from ..parser import Usage

KINDS = {
    "meter": "reports the power of a site",
    "charger": "a limit that follows the level of events",
    "fleet": "several sites in one process",
}
PORT = 8080
"""Where ``ven-sdk vtn`` listens unless it is told otherwise."""
FILES = {"ven.toml": "{kind}.toml", "site.py": "{kind}_site.txt", "test_site.py": "{kind}_test.txt"}
EPILOG = "\n".join(
    [
        "Kinds of sites:",
        *(f"  {kind:<8} {text}" for kind, text in KINDS.items()),
        "",
        "Then: ven-sdk vtn in one terminal, ven-sdk run ven.toml in another; pytest test_site.py "
        "tests the site's functions.",
    ]
)


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument(
        "folder", metavar="FOLDER", nargs="?", default=".", help="where to put the files (here)"
    )
    parser.add_argument("--kind", choices=tuple(KINDS), help="of site (meter)")
    parser.add_argument("--ven-name", metavar="NAME", default="site-a", help="the VEN's (site-a)")
    parser.add_argument(
        "--vtn-url",
        metavar="URL",
        default=f"http://127.0.0.1:{PORT}",
        help="where the VTN is (where ven-sdk vtn listens)",
    )


def execute(options: argparse.Namespace, console: Console) -> int:
    """Write the files; ``Usage`` for a wrong name or a file that is there, ``ConfigurationError``
    for a wrong URL or folder.
    """
    vtn_address(options.vtn_url)
    name = options.ven_name
    if not name.isprintable() or not name.strip() or '"' in name or "\\" in name:
        raise Usage(f"--ven-name {name!r}: use letters, digits, spaces, - and _.")
    folder = Path(options.folder)
    meant = nearest(folder.name, KINDS)
    if options.kind is None and meant:
        raise Usage(
            f"{options.folder!r} is where the files go. If it is the kind of site, write "
            f"--kind {meant}; if it is a folder, give the kind as well."
        )
    kind = options.kind or "meter"
    there = [str(folder / file) for file in FILES if (folder / file).exists()]
    if there:
        raise Usage(f"{', '.join(there)} is there already: nothing was written. Give a new folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, template in FILES.items():
            text = _template(template.format(kind=kind))
            text = text.replace("{{ven_name}}", name).replace("{{vtn_url}}", options.vtn_url)
            (folder / file).write_text(text, encoding="utf-8")
            console.line(f"  {folder / file}")
    except OSError as cause:
        raise ConfigurationError(
            f"{cause.filename or folder} cannot be written: {cause.strerror or cause}."
        ) from cause
    console.line()
    file, test = (shlex.quote(str(folder / name)) for name in ("ven.toml", "test_site.py"))
    console.paragraph(
        f"Try it: {_try(options.vtn_url, f'ven-sdk run {file}')}. pytest {test} tests the site's "
        "functions."
    )
    return 0


def _try(url: str, run: str) -> str:
    """What to run with the VEN: the test VTN, where the URL says that it listens, or doctor."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in ("127.0.0.1", "localhost"):
        return f"ven-sdk doctor {url}, then {run}"
    port = "" if parts.port == PORT else f" --port {parts.port or 80}"
    return f"ven-sdk vtn{port} in one terminal, {run} in another"


def _template(name: str) -> str:
    folder = resources.files(__package__) / "templates"
    return (folder / name).read_text(encoding="utf-8")
