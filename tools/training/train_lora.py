"""Train a LoRA with the masks active over a folder of samples; docs/training.md describes both.

    python -m tools.run tools.training.train_lora --data FOLDER --out FILE [--steps 1000]

The weights are those of UNET, CLIP and VAE in the environment, as for `make demo`; without them the
miniature that comes with the pack. A run that was stopped goes on from its last checkpoint.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from ..demo.loaders import choose_loaders
from ..load_pack import ComfyUIMissingError, add_comfyui_to_path
from .state import State, folder_of, load_state, save_state

log = logging.getLogger("training")


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line; what it leaves out is IDAttn's own."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the samples")
    parser.add_argument("--out", type=Path, required=True, help="the LoRA, a .safetensors file")
    parser.add_argument(
        "--steps", type=int, default=1000, help="in all, those before a stop included"
    )
    parser.add_argument("--rank", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1e-4, help="learning rate (AdamW)")
    parser.add_argument(
        "--batch", type=int, default=1, help="samples of one step, one after the other"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--method", default="IDAttn", help="of Build Disentangled Bias")
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="INPUT=VALUE", help="its inputs, e.g. early=dis"
    )
    parser.add_argument("--without-masks", action="store_true", help="no bias acts: for comparison")
    parser.add_argument(
        "--layers",
        nargs="*",
        metavar="PATTERN",
        help="names of layers; default: FLUX's picture projections",
    )
    parser.add_argument("--prompt", default="", help="the global prompt of every sample")
    parser.add_argument(
        "--guidance", type=float, default=0.0, help="FLUX.1's; 0: as the model has it"
    )
    parser.add_argument(
        "--mask-weight", type=float, default=1.0, help="how much a cell inside a region counts"
    )
    parser.add_argument(
        "--every", type=int, default=50, help="steps from one checkpoint to the next"
    )
    parser.add_argument(
        "--keep-activations",
        action="store_true",
        help="no gradient checkpointing: faster, more memory",
    )
    return parser.parse_args(arguments)


def check(options: argparse.Namespace) -> None:
    """Refuse values that cannot be right.

    Raises:
        ValueError: with the option's name.
    """
    for name in ("steps", "rank", "batch", "every"):
        if getattr(options, name) < 1:
            raise ValueError(f"--{name} must be at least 1, got {getattr(options, name)}.")
    for name in ("rate", "mask_weight"):
        if not getattr(options, name) > 0:
            raise ValueError(
                f"--{name.replace('_', '-')} must be above 0, got {getattr(options, name)}."
            )
    if options.out.suffix != ".safetensors":
        raise ValueError(f"--out must end in .safetensors, got {options.out}.")


def method_of(name: str, changes: Sequence[str]) -> dict[str, Any]:
    """What Build Disentangled Bias' method holds: the choice, its inputs but for some.

    Raises:
        ValueError: no such method, input or form.
    """
    from ...nodes.methods import METHODS

    if name not in METHODS:
        raise ValueError(f"--method must be one of {', '.join(METHODS)}, got {name!r}.")
    inputs = dict(METHODS[name].defaults)
    for change in changes:
        key, given, value = change.partition("=")
        if not given or key not in inputs:
            raise ValueError(
                f"--set must be NAME=VALUE, NAME one of {', '.join(inputs)}; got {change!r}."
            )
        kind = type(inputs[key])
        inputs[key] = value == "true" if kind is bool else kind(value)
    return {"method": name, **inputs}


def train_lora(options: argparse.Namespace, base: Path) -> None:
    """Everything from the folder to the file.

    Args:
        base: ComfyUI's own folder.
    """
    from ...host.lora_layers import IMAGE_PROJECTIONS
    from ...mask_ops.training_folder import find_samples, read_sample
    from ..in_process import load_weights, node_runner
    from .data import biased, data_digest, encode_sample, weights_digest
    from .loop import train

    files, loaders = find_samples(options.data), choose_loaders(base, os.environ)
    named = ("rank", "rate", "batch", "seed", "prompt", "guidance", "mask_weight", "without_masks")
    settings = {
        **{name: getattr(options, name) for name in named},
        "method": method_of(options.method, options.set),
        "layers": tuple(options.layers or IMAGE_PROJECTIONS),
        "data": data_digest(files),
        "weights": weights_digest(loaders, base),
    }
    state = load_state(options.out, settings)
    if len(state.losses) >= options.steps:
        log.info("%s has had its %d steps", options.out, len(state.losses))
        return
    run = node_runner(torch.no_grad)
    model, clip, vae = load_weights(run, loaders)
    model = biased(run, model, settings["method"])
    samples = [
        encode_sample(run, read_sample(one), clip, vae, settings)
        for one in tqdm(files, desc="encode", unit="sample")
    ]
    with progress(len(state.losses), options.steps) as bar:
        train(
            model, samples, state, options.steps, not options.keep_activations, kept(options, bar)
        )
    log.info("wrote %s; its loss is in %s", options.out, folder_of(options.out))


def progress(first: int, steps: int) -> tqdm[Any]:
    """The bar of the steps, with what is left."""
    return tqdm(initial=first, total=steps, desc="train", unit="step")


def kept(
    options: argparse.Namespace, bar: tqdm[Any]
) -> Callable[[int, float, Callable[[], State]], None]:
    """What is done after each step: the bar, and every so often a checkpoint."""

    def done(step: int, loss: float, state: Callable[[], State]) -> None:
        bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
        bar.update()
        if step % options.every == 0 or step == options.steps:
            save_state(options.out, state())

    return done


def main(arguments: Sequence[str] | None = None) -> int:
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    log.setLevel(logging.INFO)
    options = parsed(arguments)
    with tempfile.TemporaryDirectory(prefix="instance-edit-training-") as base:
        try:
            check(options)
            device = () if torch.accelerator.is_available() else ("--cpu",)
            add_comfyui_to_path((*device, "--base-directory", base))
            train_lora(options, Path(base))
        except (ValueError, ComfyUIMissingError) as error:
            log.error("%s", error)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
