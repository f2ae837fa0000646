"""Write `workflows/*.json`, their API twins and `subgraphs/`.

The node definitions come from a ComfyUI that is started for it:
`python -m tools.run tools.make_workflows`
"""

from __future__ import annotations

import json
import logging
import tempfile
from pathlib import Path

from .comfy_server import ComfyServer, make_base_directory
from .load_pack import ROOT
from .workflow_sheets.api import api
from .workflow_sheets.blueprint import NAME, blueprint
from .workflow_sheets.recipes import RECIPES
from .workflow_sheets.sheet import Definitions, Sheet
from .workflow_sheets.since import note_version
from .workflow_sheets.subgraph_file import workflow_graph

FOLDER = ROOT / "workflows"
BLUEPRINT = ROOT / "subgraphs" / f"{NAME}.json"


def written(definitions: Definitions) -> dict[str, str]:
    """What every workflow file holds, by its path under `workflows/`."""
    files: dict[str, str] = {}
    for recipe in RECIPES:
        sheet = Sheet(recipe.__name__, definitions)
        recipe(sheet)
        note_version(sheet)
        files[f"{sheet.name}.json"] = _text(workflow_graph(sheet))
        files[f"api/{sheet.name}.json"] = _text(api(sheet))
    return files


def blueprint_text(definitions: Definitions) -> str:
    """What the blueprint's file holds."""
    return _text(blueprint(definitions))


def _text(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="instance-edit-workflows-") as base:
        with ComfyServer(make_base_directory(Path(base))) as server:
            definitions = json.loads(server.client.get("/object_info"))
        BLUEPRINT.parent.mkdir(exist_ok=True)
        BLUEPRINT.write_text(blueprint_text(definitions), encoding="utf-8")
        for name, text in written(definitions).items():
            path = FOLDER / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            logging.getLogger("workflows").info("wrote %s", path.relative_to(ROOT))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    main()
