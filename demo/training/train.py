"""`make train-demo`: text encoder, flow model, decoder, export; each stage resumes.

The flow model needs the codec's encoder alone, which is fitted in a minute.

`python -m tools.run demo.training.train --help` lists what can be chosen.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import torch

from ..weights import WEIGHTS, DemoWeights, save_weights
from .curves import draw_curves
from .train_codec import kept_encoder, load_codec, train_codec
from .train_flow import train_flow
from .train_text import load_text, train_text

HERE = Path(__file__).parent
logger = logging.getLogger(__name__)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--steps", type=int, default=5000, help="steps of the flow model over all runs"
    )
    parser.add_argument(
        "--codec-minutes", type=float, default=14.0, help="training time of the decoder"
    )
    parser.add_argument(
        "--runs", type=Path, default=HERE / "runs", help="folder of checkpoints and the log"
    )
    parser.add_argument("--output", type=Path, default=WEIGHTS, help="the weights file to write")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--resume",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="continue earlier runs",
    )
    parser.add_argument(
        "--compile",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="torch.compile the flow model; needs a C++ compiler on a CPU",
    )
    parser.add_argument(
        "--export-only", action="store_true", help="write the weights of the latest checkpoint"
    )
    return parser.parse_args()


def export(runs: Path, output: Path) -> None:
    """Write the shipped weights and the curves from the latest checkpoints."""
    flow = torch.load(runs / "flow.pt", weights_only=True, map_location="cpu")
    encoder, decoder = load_codec(runs / "codec.pt")
    text = load_text(runs / "text.pt").state_dict()
    save_weights(DemoWeights(flow["average"], text, decoder.state_dict(), encoder), output)
    logger.info("step %d written to %s, %.2f MB", flow["step"], output, output.stat().st_size / 1e6)
    draw_curves((runs / "train.log").read_text(encoding="utf-8"), runs / "training.png")


def main() -> None:
    """Run all stages."""
    options = arguments()
    options.runs.mkdir(parents=True, exist_ok=True)
    handlers = [logging.StreamHandler(), logging.FileHandler(options.runs / "train.log")]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", handlers=handlers)
    if not options.resume:
        for name in ("encoder.pt", "codec.pt", "text.pt", "flow.pt"):
            (options.runs / name).unlink(missing_ok=True)
    encoder = kept_encoder(options.runs / "encoder.pt")
    if not options.export_only:
        train_text(options.runs / "text.pt", options.device)
        train_flow(
            options.runs,
            encoder,
            load_text(options.runs / "text.pt"),
            options.steps,
            options.device,
            compiled=options.compile,
        )
    train_codec(options.runs / "codec.pt", encoder, options.codec_minutes, options.device)
    export(options.runs, options.output)


if __name__ == "__main__":
    main()
