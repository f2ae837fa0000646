"""Chromium for tests and tools, and the front end's settings that they start it with."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

Settings = dict[str, Any]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
SETTINGS: Settings = {
    "Comfy.TutorialCompleted": True,
    "Comfy.OnboardingCoachmarks.Seen": ["appMode", "firstRun"],
    "Comfy.VueNodes.Enabled": True,
    "Comfy.VueNodes.AutoScaleLayout": False,
    "Comfy.Minimap.Visible": False,
    "Comfy.Workflow.Persist": False,
}


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium, driven by Playwright."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        yield browser
        browser.close()


def press_run(page: Page) -> None:
    """Run the graph that is open; the button's name differs between front ends."""
    page.get_by_test_id("queue-button").or_(page.get_by_role("button", name="Run")).first.click()


def find_chromium() -> str:
    """A Chromium: `CHROME`, else one on the path, else Debian's, installed by apt as root."""
    chosen = os.environ.get("CHROME")
    if chosen:
        if not Path(chosen).is_file():
            raise FileNotFoundError(f"CHROME={chosen} is no file: correct or unset it.")
        return chosen
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        found = _install()
    if found is None:
        raise FileNotFoundError(
            "no Chromium on this machine: install it (Debian: `apt-get install chromium`), or set "
            "CHROME to its path."
        )
    return found


def _install() -> str | None:
    quiet: dict[str, Any] = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.DEVNULL,
        "check": True,
    }
    subprocess.run(["apt-get", "update", "-qq"], **quiet)
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
    subprocess.run(command, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, **quiet)
    return shutil.which("chromium")
