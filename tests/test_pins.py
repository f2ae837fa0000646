"""The development tools are pinned for every Python the README names, each exactly once."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement

from instance_edit.tools.check_pins import PYTHONS
from instance_edit.tools.load_pack import ROOT
from instance_edit.tools.setup_venv import PINNED

LINES = [line for file in PINNED for line in file.read_text(encoding="utf-8").splitlines()]
REQUIREMENTS = [Requirement(line) for line in LINES if not line.startswith("#")]


@pytest.mark.parametrize("python", PYTHONS)
def test_every_python_gets_one_exact_version_of_every_tool(python: str) -> None:
    applying = [
        requirement.name
        for requirement in REQUIREMENTS
        if requirement.marker is None or requirement.marker.evaluate({"python_version": python})
    ]
    assert sorted(applying) == sorted({requirement.name for requirement in REQUIREMENTS})
    assert all(str(requirement.specifier).startswith("==") for requirement in REQUIREMENTS)


def test_the_readme_names_the_pythons_that_are_checked() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"Python {PYTHONS[0]} to {PYTHONS[-1]}" in readme
