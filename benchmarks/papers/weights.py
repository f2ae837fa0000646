"""Where the metrics' own weights lie, and what is said where they do not.

Nothing is fetched: whoever measures puts the files there, and knows which they are.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ...tools.fleet.store import FleetError

CLIP, DINO, PICKSCORE = "clip", "dino", "pickscore"
LPIPS = "checkpoints/alexnet-owt-7be5be79.pth"
LPIPS_SMALL = "checkpoints/squeezenet1_1-b8a52dc0.pth"
INCEPTION = "weights-inception-2015-12-05-6726825d.pth"
WHAT = {
    CLIP: "a CLIP as Hugging Face has it (LoMOE-Bench measured with openai/clip-vit-base-patch16; "
    "the other papers do not say)",
    DINO: "a DINO as Hugging Face has it, e.g. facebook/dino-vits16",
    PICKSCORE: "yuvalkirstain/PickScore_v1 as Hugging Face has it, with the processor of "
    "laion/CLIP-ViT-H-14-laion2B-s32B-b79K beside it",
    LPIPS: "torchvision's AlexNet",
    INCEPTION: "the Inception of torch-fidelity, of its release v0.2.0",
}
FOLDERS = (CLIP, DINO, PICKSCORE)
"""Those of several files."""
NEEDED = {
    "tgt_clip": CLIP,
    "loc_clip": CLIP,
    "clip_i": CLIP,
    "clip_d": CLIP,
    "pick_score": PICKSCORE,
    "dino_i": DINO,
    "lpips_b": LPIPS,
    "fid": INCEPTION,
}


@dataclass(frozen=True)
class Weights:
    """A folder of weights.

    Attributes:
        net: what LPIPS looks with; "squeeze" is small, and not the papers'.
    """

    folder: Path
    net: str = "alex"

    def path(self, name: str) -> Path:
        """Where a file or folder of weights lies."""
        return self.folder / (LPIPS_SMALL if name == LPIPS and self.net != "alex" else name)

    def require(self, metrics: tuple[str, ...]) -> None:
        """Refuse to begin without the weights of these metrics.

        Raises:
            FleetError: some are missing; says which, where they go, and how to do without.
        """
        lacking = {metric: NEEDED[metric] for metric in metrics if metric in NEEDED}
        lacking = {metric: name for metric, name in lacking.items() if not self.has(name)}
        if not lacking:
            return
        files = "; ".join(
            f"{self.path(name)} ({WHAT[name]})" for name in dict.fromkeys(lacking.values())
        )
        kept = ",".join(metric for metric in metrics if metric not in lacking)
        raise FleetError(
            f"{', '.join(lacking)} need weights that are not there: {files}. Put them there, name "
            f"another folder by WEIGHTS=.., or do without: METRICS={kept}."
        )

    def has(self, name: str) -> bool:
        """Whether the weights are there."""
        path = self.path(name)
        return (path / "config.json").is_file() if name in FOLDERS else path.is_file()

    def about(self, metrics: tuple[str, ...]) -> dict[str, str]:
        """Which weights measure: the beginning of their content's SHA-256, by name."""
        names = dict.fromkeys(NEEDED[metric] for metric in metrics if metric in NEEDED)
        return {name: digest(self.path(name)) for name in names}


def digest(path: Path) -> str:
    """The first 12 digits of the SHA-256 of a file, or of a folder's weights."""
    files = (
        [path]
        if path.is_file()
        else sorted(path.glob("*.safetensors")) or sorted(path.glob("*.bin"))
    )
    content = hashlib.sha256()
    for file in files:
        with file.open("rb") as opened:
            while piece := opened.read(2**20):
                content.update(piece)
    return content.hexdigest()[:12]
