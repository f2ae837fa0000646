"""Loads the pack as `instance_edit` for every ring, and lets a run refuse skipped tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import hypothesis
import pytest

# The models are tiny: one thread each is faster, and far faster on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# No test asserts a time: a busy machine is no fault of the code.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")

TOOLS = str(Path(__file__).resolve().parent.parent / "tools")

sys.path.insert(0, TOOLS)
from load_pack import ROOT, hides_a_module, load_pack  # noqa: E402

sys.path.remove(TOOLS)
load_pack()


def pytest_configure() -> None:
    if hides_a_module(ROOT.name):
        raise pytest.UsageError(
            f"the checkout's folder is called {ROOT.name!r}, as a module of ComfyUI, which the "
            "tests would hide: rename the folder."
        )


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-skips",
        action="store_true",
        help="fail the run when a test was skipped: a skipped ring is a failing ring",
    )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.config.getoption("--no-skips") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
