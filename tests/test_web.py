"""The JavaScript that ships: as the Python has it, small, and checked by pinned tools."""

from __future__ import annotations

import json
import re

from instance_edit.pictures.marks import PALETTE
from instance_edit.tools.load_pack import ROOT

WEB = ROOT / "web"
TOOLS = ROOT / "tools" / "web"


def test_the_canvas_has_the_colours_of_the_previews() -> None:
    text = (WEB / "canvas" / "model" / "palette.js").read_text(encoding="utf-8")
    listed = re.findall(r'"(#[0-9a-f]{6})"', text.partition("PALETTE = [")[2].partition("]")[0])
    assert listed == ["#{:02x}{:02x}{:02x}".format(*colour) for colour in PALETTE]


def test_no_file_of_the_front_end_is_long() -> None:
    files = [*WEB.rglob("*.js"), *(ROOT / "tests" / "web").glob("*.js")]
    assert len(files) > 40
    for path in files:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 300, path.name


def test_the_tools_that_check_it_are_pinned_and_no_registry_is_named() -> None:
    package = json.loads((TOOLS / "package.json").read_text(encoding="utf-8"))
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", one) for one in package["devDependencies"].values())
    lock = (TOOLS / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock and "integrity" in lock
    assert package["devDependencies"] == json.loads(lock)["packages"][""]["devDependencies"]
