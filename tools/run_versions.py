"""Run the tests that a new ComfyUI can break on every release that the pack is tested on.

`make test-versions`. They run in one environment, that of the newest: an older ComfyUI gets newer
packages than it asks for, as after an update that went half way.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

from .comfyui_sources import BETWEEN, CURRENT, OLDEST, ComfyUISource
from .load_pack import ROOT

log = logging.getLogger("versions")

RING = Path("tests/with_comfyui")
FILES = (
    *("test_instance_attention.py", "test_composition.py", "test_methods.py", "test_kernels.py"),
    *("test_region_nodes.py", "test_wrong_inputs.py", "test_foi.py", "test_foi_guider.py"),
    *("test_iid.py", "test_turns.py", "test_turn_samplers.py", "test_workflows.py"),
    "test_core_training.py",
)
"""What touches ComfyUI: the seam, the methods, the nodes, the locators, every shipped workflow."""
FAMILIES = (
    *("test_families.py", "test_family_methods.py", "test_family_references.py", "test_anima.py"),
    "test_as_core.py",
)
"""Every family in every way to edit: on the two newest, for older ones lack most of them."""
NEWEST_ONLY = "not the_files_are_what_the_generator_writes and not cores_box_editor"


def run_on(source: ComfyUISource) -> bool:
    """Whether the tests pass on this release."""
    log.info("ComfyUI %s", source.version)
    pytest = str(Path(sys.executable).with_name("pytest"))
    chosen = [] if source is CURRENT else ["-k", NEWEST_ONLY]
    names = (*FILES, *FAMILIES) if source in (BETWEEN[-1], CURRENT) else FILES
    done = subprocess.run(
        [pytest, "-q", "-m", "not gpu", *chosen, *(str(RING / name) for name in names)],
        cwd=ROOT,
        env={**os.environ, "COMFYUI_PATH": str(source.folder)},
    )
    return done.returncode == 0


def main() -> int:
    """Run on the releases of the command line, by default on all; returns the exit status."""
    sources = (OLDEST, *BETWEEN, CURRENT)
    chosen = [s for s in sources if s.version in sys.argv[1:]] if sys.argv[1:] else list(sources)
    if not chosen:
        log.error("ARGS must name some of %s.", ", ".join(s.version for s in sources))
        return 1
    failed = [source.version for source in chosen if not run_on(source)]
    log.info("failed on: %s", ", ".join(failed) or "none")
    return 1 if failed else 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    sys.exit(main())
