"""One branch per instruction: conditionings, sampling, and predictions side by side."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import comfy.conds
import comfy.patcher_extension
import comfy.sample
import comfy.samplers
import comfy.utils
import latent_preview
import torch
import torch.nn.functional as F
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from .kernels import attention_call, whole_sequence
from .layout import conditioning_spans
from .patch import KEY

PADDING = f"{KEY}_padding"
WRAPPER = comfy.patcher_extension.WrappersMP.DIFFUSION_MODEL
Options = Mapping[str, Any]
Conditioning = list[list[Any]]


@dataclass(frozen=True)
class Branches:
    """A multi-prompt conditioning taken apart.

    Attributes:
        instructions: as the regions state them.
        texts: per instance its text features alone, (1, tokens, width).
        extras: what else the conditioning holds (pooled vector, references ..), no spans.
    """

    instructions: tuple[str, ...]
    texts: tuple[Tensor, ...]
    extras: dict[str, Any]


def split_branches(conditioning: Conditioning) -> Branches:
    """Take the conditioning of Multi-Prompt Encode apart.

    Raises:
        ValueError: several conditionings, or one for a part of the picture.
    """
    spans = conditioning_spans(conditioning)
    if len(conditioning) != 1 or "area" in conditioning[0][1]:
        raise ValueError(
            "one conditioning for the whole picture is needed, got "
            f"{len(conditioning)} part(s). Connect Multi-Prompt Encode's output (with references) "
            "without Conditioning Combine or Set Area."
        )
    [[text, extras]] = conditioning
    layout, _ = spans.layout(text.shape[1], (1, 1), ())
    texts = tuple(text[:, layout.text_span(n + 1)] for n in range(layout.instances))
    conds = {key: cond for key, cond in extras["model_conds"].items() if key != KEY}
    return Branches(spans.instructions, texts, {**extras, "model_conds": conds})


def stack_texts(texts: Sequence[Tensor], left: bool) -> tuple[Tensor, tuple[slice, ...]]:
    """Texts of several lengths as one batch, zeros where they are shorter.

    Args:
        texts: (1, tokens, width) each.
        left: pad on the left, as ComfyUI pads FLUX.2's text anyway.

    Returns:
        (N, longest, width) and where each text stands in it.
    """
    longest = max(text.shape[1] for text in texts)
    missing = [longest - text.shape[1] for text in texts]
    pads = [(0, 0, gap, 0) if left else (0, 0, 0, gap) for gap in missing]
    stacked = torch.cat([F.pad(text, pad) for text, pad in zip(texts, pads, strict=True)])
    places = (slice(gap, None) if left else slice(0, longest - gap) for gap in missing)
    return stacked, tuple(slice(*place.indices(longest)) for place in places)


def branch_conditioning(branches: Branches, flux: Any) -> tuple[Conditioning, tuple[slice, ...]]:
    """All branches as one conditioning with a batch of texts, and where each text stands.

    FLUX.1's shorter texts are filled up on the right with tokens that ``shut_padding`` hides.
    """
    left = bool(flux.params.global_modulation)
    text, places = stack_texts(branches.texts, left)
    extras = {**branches.extras, "model_conds": dict(branches.extras["model_conds"])}
    lengths = tuple(place.stop for place in places)
    if not left and min(lengths) < text.shape[1]:
        extras["model_conds"][PADDING] = comfy.conds.CONDConstant(lengths)
    return [[text, repeat_references(extras, len(text))]], places


def repeat_references(extras: dict[str, Any], times: int) -> dict[str, Any]:
    """Extras whose batches of references follow a latent that is repeated item by item."""
    latents: list[Tensor] = extras.get("reference_latents") or []
    repeated = [one if len(one) == 1 else one.repeat_interleave(times, dim=0) for one in latents]
    return {**extras, "reference_latents": repeated} if repeated else extras


def shut_padding(model: ModelPatcher) -> ModelPatcher:
    """A clone in which nobody attends to the filling of shorter texts."""

    def forward(executor: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        lengths: tuple[int, ...] | None = kwargs.get(PADDING)
        if lengths is None:
            return executor(x, *args, **kwargs)
        context: Tensor = args[1]
        token = torch.arange(context.shape[1], device=x.device)
        filling = token >= torch.tensor(lengths, device=x.device)[:, None]
        shut = torch.zeros(filling.shape, dtype=x.dtype, device=x.device)
        shut = shut.masked_fill(filling, float("-inf")).repeat(len(x) // len(lengths), 1)
        options = dict(args[-1])
        options["optimized_attention_override"] = shutting_override(
            options.get("optimized_attention_override"), shut[:, None, None]
        )
        return executor(x, *args[:-1], options, **kwargs)

    patched = model.clone()
    patched.add_wrapper_with_key(WRAPPER, PADDING, forward)
    return patched


def shutting_override(
    previous: Callable[..., Tensor] | None, shut: Tensor
) -> Callable[..., Tensor]:
    """An attention override that adds (B, 1, 1, text) to the logits of the text keys."""

    @whole_sequence
    def override(func: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
        q, k = args[:2]
        added = F.pad(shut.to(q.dtype), (0, k.shape[2] - shut.shape[-1]))
        mask = kwargs.pop("mask", None)
        if mask is not None:
            raise ValueError(
                "branches of several lengths cannot be batched together with another attention "
                "mask. Set the number of branches per batch to 1."
            )
        return attention_call(previous, q)(*args, mask=added, **kwargs)

    return override


def branch_groups(
    model: ModelPatcher, branches: Branches, samples: Tensor, size: int
) -> list[Branches]:
    """The branches that run together: ``size`` at a time, or 0 for as many as memory allows."""
    count = len(branches.texts)
    if size <= 0:
        shapes = model.model.extra_conds_shapes(**branches.extras)
        one = model.model.memory_required(
            list(samples.shape), cond_shapes={key: [shape] for key, shape in shapes.items()}
        )
        free = model.get_free_memory(model.load_device)
        size = max(1, min(count, int(free / (1.5 * one))))
    return [replace(branches, texts=branches.texts[i : i + size]) for i in range(0, count, size)]


def sample_branches(
    model: ModelPatcher,
    conditioning: Conditioning,
    negative: Conditioning | None,
    cfg: float,
    latent: Mapping[str, Any],
    sampler: Any,
    sigmas: Tensor,
    seed: int,
    branches: int,
) -> Tensor:
    """The latents of all branches at the end of ``sigmas``, from one start noise: (B, N, C, H, W).

    Args:
        conditioning: with a batch of ``branches`` texts.
        negative, cfg: as for any sampler; cfg 1 needs no negative.
    """
    samples = latent_samples(model, latent)
    noise = comfy.sample.prepare_noise(samples, seed, latent.get("batch_index"))
    mask = latent.get("noise_mask")
    if mask is not None and mask.shape[0] > 1:
        mask = mask.repeat_interleave(branches, dim=0)
    out = comfy.sample.sample_custom(
        model,
        noise.repeat_interleave(branches, dim=0),
        cfg,
        sampler,
        sigmas,
        conditioning,
        conditioning if negative is None else negative,
        samples.repeat_interleave(branches, dim=0),
        noise_mask=mask,
        callback=latent_preview.prepare_callback(model, sigmas.shape[-1] - 1),
        disable_pbar=not comfy.utils.PROGRESS_BAR_ENABLED,
        seed=seed,
    )
    return out.view(samples.shape[0], branches, *out.shape[1:])


def latent_samples(model: ModelPatcher, latent: Mapping[str, Any]) -> Tensor:
    """The samples of a LATENT, widened to the model's channels if it is empty."""
    return comfy.sample.fix_empty_latent_channels(model, latent["samples"])
