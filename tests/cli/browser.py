"""A headless Chromium for tests, spoken to by WebDriver (W3C) with the standard library: no package
to install.
"""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Optional

DRIVER = shutil.which("chromedriver")
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


def missing() -> str:
    """Why there can be no browser, or an empty string."""
    return (
        ""
        if DRIVER and CHROMIUM
        else "no chromium and chromedriver here (Debian: apt-get install chromium-driver)"
    )


class Browser:
    """One window. What is looked for is waited for."""

    def __init__(
        self, folder: Path, *, width: int = 1400, height: int = 1000, dark: bool = False
    ) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._base = f"http://127.0.0.1:{port}"
        self._driver = subprocess.Popen(
            [str(DRIVER), f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._session: Optional[str] = None
        arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            f"--window-size={width},{height}",
            f"--user-data-dir={folder}",
            *(["--force-dark-mode"] if dark else []),
        ]
        self._wait_for_driver()
        made = self._call(
            "POST",
            "/session",
            {
                "capabilities": {
                    "alwaysMatch": {
                        "browserName": "chrome",
                        "goog:chromeOptions": {"binary": CHROMIUM, "args": arguments},
                        "goog:loggingPrefs": {"browser": "ALL"},
                    }
                }
            },
        )
        self._session = made["sessionId"]

    def _wait_for_driver(self, timeout: float = 20) -> None:
        deadline = time.monotonic() + timeout
        while True:
            try:
                if self._call("GET", "/status")["ready"]:
                    return
            except OSError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.05)

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._base + path, data, {"Content-Type": "application/json"}, method=method
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as reply:
                return json.loads(reply.read())["value"]
        except urllib.error.HTTPError as error:
            with error:
                said = json.loads(error.read())["value"]
            raise AssertionError(f"{said['error']}: {said['message']}") from None

    def _do(self, method: str, path: str, body: Any = None) -> Any:
        return self._call(method, f"/session/{self._session}{path}", body)

    def open(self, url: str) -> None:
        """Load a page."""
        self._do("POST", "/url", {"url": url})

    def script(self, text: str, *arguments: Any) -> Any:
        """What a function body returns in the page."""
        return self._do("POST", "/execute/sync", {"script": text, "args": arguments})

    def text(self, selector: str = "body") -> str:
        """The visible text of an element."""
        return str(
            self.script(
                "return (document.querySelector(arguments[0]) || {innerText: ''}).innerText",
                selector,
            )
        )

    def wait_for(self, text: str, selector: str = "body", timeout: float = 15) -> None:
        """Until an element shows a text."""
        self.wait_until(lambda: text in self.text(selector), f"{text!r} in {selector}", timeout)

    def wait_until(self, found: Any, what: str, timeout: float = 15) -> None:
        """Until ``found()``."""
        deadline = time.monotonic() + timeout
        while not found():
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"Not within {timeout} s: {what}. The page shows:\n{self.text()}"
                )
            time.sleep(0.05)

    def click(self, words: str, within: str = "body") -> None:
        """Press the button that says this. The page is drawn anew every second, so that element and
        click are one step.
        """
        pressed = self.script(
            "const found = [...document.querySelectorAll(arguments[1] + ' button')]"
            "  .find(each => each.innerText.startsWith(arguments[0]));"
            "if (found) found.click(); return Boolean(found)",
            words,
            within,
        )
        assert pressed, f"No button {words!r} in {within}:\n{self.text(within)}"

    def write(self, name: str, value: str) -> None:
        """Type into a field of the form, as a person does."""
        element = self._do(
            "POST", "/element", {"using": "css selector", "value": f"[name={name}]"}
        )[_ELEMENT]
        self._do("POST", f"/element/{element}/clear", {})
        self._do("POST", f"/element/{element}/value", {"text": value})

    def press(self, *keys: str) -> None:
        """Press keys, one after the other, wherever the focus is: ``Tab``, ``Enter``, letters."""
        codes = {"Tab": "\ue004", "Enter": "\ue007", "Escape": "\ue00c", "Space": " "}
        actions = []
        for key in keys:
            for kind in ("keyDown", "keyUp"):
                actions.append({"type": kind, "value": codes.get(key, key)})
        self._do("POST", "/actions", {"actions": [{"type": "key", "id": "k", "actions": actions}]})

    def resize(self, width: int, height: int) -> None:
        """The size of what the page has to itself, as on a phone."""
        self._do(
            "POST",
            "/goog/cdp/execute",
            {
                "cmd": "Emulation.setDeviceMetricsOverride",
                "params": {
                    "width": width,
                    "height": height,
                    "deviceScaleFactor": 1,
                    "mobile": width < 600,
                },
            },
        )

    def prefer(self, scheme: str) -> None:
        """``light`` or ``dark``, as a person's system has it."""
        self._do(
            "POST",
            "/goog/cdp/execute",
            {
                "cmd": "Emulation.setEmulatedMedia",
                "params": {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
            },
        )

    def complaints(self) -> list[str]:
        """Errors in the browser's console."""
        return [
            entry["message"]
            for entry in self._do("POST", "/se/log", {"type": "browser"})
            if entry["level"] == "SEVERE"
        ]

    def picture(self, path: Path) -> None:
        """A screenshot."""
        path.write_bytes(base64.b64decode(self._do("GET", "/screenshot")))

    def close(self) -> None:
        """End it all."""
        try:
            if self._session is not None:
                self._do("DELETE", "")
        finally:
            self._driver.terminate()
            self._driver.wait(10)
