"""Node ids, inputs and outputs are for ever: what a saved workflow names must stay."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from instance_edit.tests.test_registry import WORDS
from instance_edit.tools.load_pack import ROOT, find_comfyui
from instance_edit.tools.make_snapshot import SNAPSHOT, interface

SHELVES = ("regions", "methods", "find", "turns", "look", "demo")
LOAD = """
import asyncio, importlib.util, sys
comfyui, root = sys.argv[1:]
sys.path.insert(0, comfyui)
sys.argv = ["main.py", "--cpu"]
import comfy.options
comfy.options.enable_args_parsing()
spec = importlib.util.spec_from_file_location(
    "pack", f"{root}/__init__.py", submodule_search_locations=[root]
)
pack = sys.modules["pack"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(pack)

async def nodes():
    return await (await pack.comfy_entrypoint()).get_node_list()

by_id = {node.GET_SCHEMA().node_id: node for node in asyncio.run(nodes())}
by_id["InstanceEditDemoModelLoader"].execute()
by_id["InstanceEditDemoScene"].execute(side=160)
print("loaded", len(by_id))
"""


def test_no_id_input_or_output_disappears(pack_nodes: dict[str, type]) -> None:
    now = interface(pack_nodes)
    for node, was in json.loads(SNAPSHOT.read_text()).items():
        assert node in now, f"{node} is gone: workflows that use it no longer open"
        lost = set(was["inputs"]) - set(now[node]["inputs"])
        assert not lost, f"{node} lost {sorted(lost)}: saved workflows lose these values"
        kept = now[node]["outputs"][: len(was["outputs"])]
        assert kept == was["outputs"], f"{node}'s outputs moved: saved links would change"


def test_what_is_new_is_in_the_snapshot(pack_nodes: dict[str, type]) -> None:
    assert interface(pack_nodes) == json.loads(SNAPSHOT.read_text()), (
        "nodes, inputs or outputs were added: run `python -m tools.run tools.make_snapshot`, and "
        "add new nodes to locales/ and to web/docs"
    )


def test_every_input_has_a_tooltip_and_every_node_aliases(pack_nodes: dict[str, type]) -> None:
    for name, node in pack_nodes.items():
        schema = node.GET_SCHEMA()
        assert schema.description and schema.search_aliases, name
        assert schema.category.removeprefix("instance edit/") in SHELVES, name
        assert all(item.tooltip for item in schema.inputs), name


def test_nodes_are_found_by_the_words_that_people_use(pack_nodes: dict[str, type]) -> None:
    aliases = {alias for node in pack_nodes.values() for alias in node.GET_SCHEMA().search_aliases}
    assert aliases >= WORDS
    first = pack_nodes["InstanceEditCanvas"].GET_SCHEMA().search_aliases
    assert [word for word in WORDS if not any(word in alias for alias in first)] == []


def test_a_node_class_and_its_file_are_named_as_its_display_name(
    pack_nodes: dict[str, type],
) -> None:
    for node in pack_nodes.values():
        shown = node.GET_SCHEMA().display_name.partition(" (")[0].replace("-", " ")
        words = shown.split()
        assert node.__name__ == "".join(word[0].upper() + word[1:] for word in words)
        assert node.__module__.rpartition(".")[2] == "_".join(words).lower()


def git_files(*choice: str) -> set[str]:
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", *choice],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(filter(None, done.stdout.split("\0")))


def test_the_packed_archive_loads_on_its_own(tmp_path: Path) -> None:
    listed = git_files("--exclude-standard")
    left_out = git_files("--ignored", "--exclude-from=.comfyignore")
    for name in listed - left_out:
        if (ROOT / name).is_file():
            target = tmp_path / "pack" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(ROOT / name)
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(find_comfyui()), str(tmp_path / "pack")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert f"loaded {len(json.loads(SNAPSHOT.read_text()))}" in done.stdout
