"""Takes the pictures of the documentation into docs/images: the test VTN's page on a desktop, a
phone and in the dark, the demo and the doctor in terminals, a notebook, a schedule.

Run it from the root of the repository: ``python docs/pictures.py [NAME ...]``. It needs Chromium
with its driver (Debian: apt-get install chromium chromium-driver), and pandas and matplotlib (the
extra ``plot``) for the notebook. Everything happens on loopback.
"""

from __future__ import annotations

import base64
import html
import random
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, Callable

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.cli.browser import Browser, missing  # noqa: E402
from tests.cli.programs import in_terminal  # noqa: E402
from ven_sdk import OpenADRClient  # noqa: E402
from ven_sdk.cli.vtn.orders import Orders  # noqa: E402
from ven_sdk.cli.vtn.page import Page  # noqa: E402
from ven_sdk.cli.vtn.view import View  # noqa: E402
from ven_sdk.testing import LocalVTN  # noqa: E402

IMAGES = ROOT / "docs" / "images"
LEVELS = (5200, 3300, 1600, 900)
COLOURS = {
    "1": "font-weight:bold",
    "2": "color:#8b949e",
    "31": "color:#ff7b72",
    "32": "color:#7ee787",
    "33": "color:#f2cc60",
    "35": "color:#d2a8ff",
    "36": "color:#79c0ff",
}


# --- the test VTN's page --------------------------------------------------------------------------


@contextmanager
def scene() -> Iterator[tuple[LocalVTN, str]]:
    """A VTN with its page, a VEN that follows events, and some minutes of both."""
    with LocalVTN(vtn_id="test-vtn", ask_for_reports=True) as vtn:
        orders = Orders(vtn)
        view = View(vtn, orders)
        vtn.listeners.append(view.note_message)
        page = Page(0, view.state, orders.carry_out, view.message)
        client = OpenADRClient("site-a", vtn.url, allow_jitter=False)
        client.add_report(
            callback=lambda: LEVELS[client.current_level()] + random.randrange(-80, 80),
            resource_id="meter-1",
            measurement="powerReal",
            sampling_rate=timedelta(seconds=1),
        )
        client.add_handler("on_event", lambda event: "optIn")
        try:
            with client:
                vtn.assert_registered("site-a")
                play(vtn)
                yield vtn, page.url
        finally:
            page.close()


def play(vtn: LocalVTN) -> None:
    """Half a minute of a site's life."""
    vtn.wait_for_polls(8, 20)
    vtn.add_event(
        event_id="evening-peak",
        dtstart=4,
        vtn_comment="two steps, then back",
        intervals=[(12, 1), (12, 2), (12, 1)],
    )
    vtn.wait_for_polls(28, 60)
    vtn.add_event(
        event_id="night-price",
        signal_name="ELECTRICITY_PRICE",
        dtstart=40,
        intervals=[(60, 0.31), (60, 0.24)],
    )
    vtn.wait_for_polls(4, 10)


def page() -> None:
    """The page on a desktop, a phone, and in the dark."""
    with scene() as (_, url), browser() as window:
        window.open(url)
        window.wait_for("night-price", "#events")
        whole(window, 1400)
        window.picture(IMAGES / "test-vtn.png")
        window.prefer("dark")
        window.picture(IMAGES / "test-vtn-dark.png")
        window.prefer("light")
        window.resize(390, 1700)
        window.wait_for("night-price", "#events")
        whole(window, 390)
        window.picture(IMAGES / "test-vtn-phone.png")


def whole(window: Browser, width: int) -> None:
    """As high as all of the page: nothing is cut at the bottom."""
    window.resize(width, int(window.script("return document.documentElement.scrollHeight")))


# --- terminals ------------------------------------------------------------------------------------


def demo() -> None:
    """The demo in a terminal of 80 and of 120 columns."""
    for columns in (80, 120):
        _, out = in_terminal("demo", timeout=60, columns=columns)
        terminal("ven-sdk demo", out, columns, IMAGES / f"demo-{columns}.png")


def doctor() -> None:
    """The doctor's diagnosis of a VTN whose CA is not trusted."""
    with LocalVTN(tls=True) as vtn:
        _, out = in_terminal("doctor", vtn.url, columns=100, timeout=60)
        typed = f"ven-sdk doctor {vtn.url}"
    terminal(typed, out, 100, IMAGES / "doctor.png")


def terminal(typed: str, out: str, columns: int, path: Path) -> None:
    """A picture of what a terminal shows at the end."""
    lines = [line.rpartition("\r\x1b[2K")[2] for line in out.replace("\r\n", "\n").split("\n")]
    text = "\n".join([f"$ {typed}", *lines]).strip()
    body = (
        "<body style='margin:0;background:#0d1117'><pre style='margin:0;padding:16px 18px;"
        "color:#e6edf3;font:14px/1.4 DejaVu Sans Mono,monospace;width:max-content;"
        f"min-width:{columns}ch'>{coloured(text)}</pre></body>"
    )
    shoot(body, path)


def coloured(text: str) -> str:
    """HTML of a text with escape sequences."""
    found, depth = [], 0
    for piece in re.split(r"(\x1b\[[0-9;?]*[A-Za-z])", text):
        codes = re.fullmatch(r"\x1b\[([0-9;]*)m", piece)
        if codes is None:
            found.append("" if piece.startswith("\x1b") else html.escape(piece))
        elif codes[1] in ("", "0"):
            found.append("</span>" * depth)
            depth = 0
        else:
            styles = ";".join(COLOURS.get(code, "") for code in codes[1].split(";"))
            found.append(f"<span style='{styles}'>")
            depth += 1
    return "".join([*found, "</span>" * depth])


# --- a notebook -----------------------------------------------------------------------------------


def notebook() -> None:
    """What a client, its events and its pictures show themselves as."""
    import matplotlib

    matplotlib.use("Agg")
    cells: list[tuple[str, str]] = []
    with LocalVTN() as vtn, OpenADRClient("ven123", vtn.url) as client:
        client.add_handler("on_event", lambda event: "optIn")
        vtn.assert_registered()
        begun = vtn.add_event(
            event_id="evening-peak", dtstart=-900, intervals=[(1800, 1), (1800, 3), (1800, 2)]
        )
        vtn.assert_opted(begun, "optIn")
        vtn.assert_opted(
            vtn.add_event(
                event_id="prices",
                signal_name="ELECTRICITY_PRICE",
                dtstart=3600,
                intervals=[(3600, 0.31), (3600, 0.24)],
            ),
            "optIn",
        )
        cells.append(("client.overview(hours=4)", str(client.overview(hours=4))))
        [event] = [each for each in client.events if each.event_id == "evening-peak"]
        cells.append(("client.events[0]", event._repr_html_() or ""))
        cells.append(("client.events[0].plot()", picture(event.plot().figure)))
        cells.append(
            (
                "client.plot_schedule(hours=4, tz='Europe/Berlin')",
                picture(client.plot_schedule(hours=4, tz="Europe/Berlin").figure),
            )
        )
    body = "<body style='margin:0;background:#fff;font:14px/1.4 DejaVu Sans,sans-serif'>" + "".join(
        "<div style='padding:10px 16px;width:760px'><pre style='background:#f4f5f7;margin:0 0 8px;"
        f"padding:6px 10px;border-radius:4px'>{html.escape(typed)}</pre>{shown}</div>"
        for typed, shown in cells
    )
    shoot(body + "</body>", IMAGES / "notebook.png")


def schedule() -> None:
    """The levels and prices of the next hours."""
    import matplotlib

    matplotlib.use("Agg")
    with LocalVTN() as vtn, OpenADRClient("ven123", vtn.url, on_event="optIn") as client:
        vtn.assert_registered()
        levels = vtn.add_event(dtstart=-600, intervals=[(1200, 1), (3600, 3), (1800, 2)])
        prices = vtn.add_event(
            signal_name="ELECTRICITY_PRICE",
            dtstart=1200,
            intervals=[(1800, 0.21), (1800, 0.35), (1800, 0.28), (3600, 0.19)],
        )
        vtn.assert_opted(levels, "optIn")
        vtn.assert_opted(prices, "optIn")
        figure = client.plot_schedule(hours=4).figure
    figure.savefig(IMAGES / "schedule.png", dpi=80, bbox_inches="tight")


def picture(figure: Any) -> str:
    """A figure as an image in HTML."""
    data = BytesIO()
    figure.savefig(data, format="png", dpi=80)
    return f"<img src='data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}'>"


# --- Chromium -------------------------------------------------------------------------------------


@contextmanager
def browser() -> Iterator[Browser]:
    """A window that is closed at the end."""
    with tempfile.TemporaryDirectory() as folder:
        window = Browser(Path(folder))
        try:
            yield window
        finally:
            window.close()


def shoot(body: str, path: Path) -> None:
    """A picture of some HTML, as large as it is."""
    with tempfile.TemporaryDirectory() as folder, browser() as window:
        file = Path(folder) / "page.html"
        file.write_text(f"<!doctype html><meta charset='utf-8'>{body}", encoding="utf-8")
        window.open(file.as_uri())
        width, height = window.script(
            "const box = document.body.firstElementChild.getBoundingClientRect();"
            "return [Math.ceil(box.width), Math.ceil(document.body.scrollHeight)]"
        )
        window.resize(max(600, width), height)
        window.picture(path)


PICTURES: dict[str, Callable[[], None]] = {
    "page": page,
    "demo": demo,
    "doctor": doctor,
    "notebook": notebook,
    "schedule": schedule,
}


def main(names: list[str]) -> int:
    """Take the pictures that are named, or all."""
    if missing() or set(names) - set(PICTURES):
        sys.stderr.write(f"{missing() or 'There are: ' + ', '.join(PICTURES)}\n")
        return 2
    for name in names or list(PICTURES):
        PICTURES[name]()
        sys.stdout.write(f"{name}: done\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
