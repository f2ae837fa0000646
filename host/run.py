"""Around one sampling run: tell core the memory it takes, refuse what cannot fit, log one line."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from threading import Event
from typing import Any

import comfy.model_management
from torch import Tensor

from ..attention.execute.memory import working_bytes
from ..attention.execute.plan import BiasPlan
from .kernels import kernel_name

log = logging.getLogger("instance_edit")

RUN = "instance_edit_run"
CONDITION = "instance_edit"
Options = Mapping[str, Any]


def prepared_sampling(dense: bool) -> Callable[..., Any]:
    """The wrapper around core's preparation of a run: its memory estimate, and our run's note."""

    def prepare(
        executor: Any,
        model: Any,
        noise_shape: Sequence[int],
        conds: Mapping[str, Sequence[Options]],
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        options = kwargs.get("model_options") or (args[0] if args else None)
        if options is not None:
            options.setdefault("transformer_options", {})[RUN] = Event()
        text, total = longest_sequence(model, noise_shape, conds)
        if text:
            bytes_needed = attention_bytes(model, noise_shape, total, dense)
            check_fits(bytes_needed, total, model.load_device, dense)
            noise_shape = widened(model, noise_shape, text, bytes_needed)
        return executor(model, noise_shape, conds, *args, **kwargs)

    return prepare


def longest_sequence(
    model: Any, noise_shape: Sequence[int], conds: Mapping[str, Sequence[Options]]
) -> tuple[int, int]:
    """(text tokens, all tokens) of the longest conditioning with instances; (0, 0) if none has."""
    patch = model.model.diffusion_model.patch_size
    longest = (0, 0)
    for cond in (cond for several in conds.values() for cond in several):
        text: Tensor | None = cond.get("cross_attn")
        if text is None or CONDITION not in cond.get("model_conds", {}):
            continue
        pictures = [tuple(noise_shape), *(p.shape for p in cond.get("reference_latents") or ())]
        image = sum(math.ceil(p[-2] / patch) * math.ceil(p[-1] / patch) for p in pictures)
        longest = max(longest, (text.shape[1], text.shape[1] + image), key=lambda pair: pair[1])
    return longest


def attention_bytes(model: Any, noise_shape: Sequence[int], total: int, dense: bool) -> int:
    """Bytes that biased attention takes beside the model's own."""
    params = model.model.diffusion_model.params
    dtype = model.model.get_dtype_inference()
    width = params.hidden_size // params.num_heads
    return working_bytes(
        total, noise_shape[0], params.num_heads, width, dtype, model.load_device.type, dense
    )


def check_fits(bytes_needed: int, total: int, device: Any, dense: bool) -> None:
    """Refuse a run whose attention alone is larger than the device.

    Raises:
        ValueError: with what to change.
    """
    available = comfy.model_management.get_total_memory(device)
    if bytes_needed <= available:
        return
    remedy = "Set execution to auto in Apply Instance Attention" if dense else "Edit in parts"
    raise ValueError(
        f"instance attention over {total} tokens needs {bytes_needed / 2**30:.1f} GiB beside the "
        f"model, but {device} has {available / 2**30:.1f} GiB in all. {remedy}, or use a smaller "
        "picture, fewer references or shorter instructions."
    )


def widened(
    model: Any, noise_shape: Sequence[int], text: int, bytes_needed: int
) -> tuple[int, ...]:
    """A noise shape for core's estimate, which counts latent pixels only, taller by our share.

    Every text token counts as much as an image token, and the bias's bytes as what they are.
    """
    batch, channels, *middle, height, width = noise_shape
    pixel_bytes = model.model.memory_required([1, channels, *middle, 1, 1])
    pixels = text * model.model.diffusion_model.patch_size**2 + bytes_needed / (batch * pixel_bytes)
    return (batch, channels, *middle, height + math.ceil(pixels / width), width)


def report_run(
    options: Options,
    biases: Mapping[tuple[str, int], BiasPlan | None],
    block: tuple[str, int],
    masked: Callable[..., Tensor],
    plain: Callable[..., Tensor],
    whole: bool,
) -> None:
    """Log one line at a run's first biased call; nothing outside a sampling run."""
    logged: Event | None = options.get(RUN)
    if logged is None or logged.is_set():
        return
    logged.set()
    found = [plan.bias for plan in biases.values() if plan is not None]
    plan = biases[block]
    assert plan is not None
    first = plan.bias
    stored = sum(bias.nbytes for bias in {id(bias): bias for bias in found}.values())
    schedule = options.get("sample_sigmas")
    kernels = kernel_name(masked) if whole else f"{kernel_name(masked)}, {kernel_name(plain)}"
    log.info(
        f"instance attention: {len(found)} biased blocks, "
        f"{'?' if schedule is None else len(schedule) - 1} steps, {first.keys} tokens, "
        f"kernel {kernels}, bias {stored / 2**20:.2f} MiB "
        f"(dense: {first.queries * first.keys * first.rows.element_size() / 2**20:.0f} MiB)."
    )
