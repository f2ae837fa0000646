"""The seam of IID's phase A: one branch per instruction, and what each attends to."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import comfy.conds
import torch
import torch.nn.functional as F
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from ..mask_ops.found_masks import FoundMasks, Smoothing, spread_tokens
from ..mask_ops.iid import SMOOTHING, iid_masks
from ..prompts.spans import AdapterTokens
from ..sampling.iid import compose_branches
from .attention_call import OVERRIDE, as_wanted, split_heads
from .call import KEY, WRAPPER, Forward, ModelCall, around_model
from .capture import Capture, TextReading, attach_reading, capture_attention, chosen_blocks
from .carrier import Conditioning, Pooled, conditioning_spans, own_pooled
from .kernels import Override, attention_call, whole_sequence
from .known import joint_model, known_model
from .sampling_run import SamplingRun, latent_samples, sample_branches, say_mean
from .whole import seen_whole

NODE = "Locate Instances (IID)"
PADDING = f"{KEY}_padding"
PENULTIMATE = -2
PARTS = ("area", "mask")
"""What makes a conditioning one for a part of the picture, by its name in core."""


@dataclass(frozen=True)
class Branches:
    """A multi-prompt conditioning taken apart.

    Attributes:
        instructions: as the regions state them.
        texts: per instance its text features alone, (1, tokens, width).
        extras: what else the conditioning holds (pooled vector, references ..), no spans.
        text_tokens: of the global prompt, as core gives it to the model.
        left: True where words stand at the end of their text, behind padding.
        pooled: of each instruction, in place of the vector in the extras; empty: all have that one.
        adapters: of the global prompt and of each instance, see ``PromptSpans``.
    """

    instructions: tuple[str, ...]
    texts: tuple[Tensor, ...]
    extras: dict[str, Any]
    text_tokens: int = 0
    left: bool = False
    pooled: Pooled = ()
    adapters: tuple[AdapterTokens, ...] = ()

    def part(self, which: slice) -> "Branches":
        """Some of the branches."""
        return replace(self, texts=self.texts[which], pooled=self.pooled[which])


def split_branches(conditioning: Conditioning) -> Branches:
    """Take the conditioning of Multi-Prompt Encode apart; raises as ``refuse_parts`` does."""
    spans = conditioning_spans(conditioning)
    refuse_parts(conditioning)
    [[text, extras]] = conditioning
    texts = tuple(text[:, spans.place(n + 1)] for n in range(len(spans.instructions)))
    conds = {key: cond for key, cond in extras["model_conds"].items() if key != KEY}
    extras, left = {**extras, "model_conds": conds}, not spans.starts or any(spans.starts)
    return Branches(
        *(spans.instructions, texts, extras, spans.lengths[0], left), adapters=spans.adapters
    )


def refuse_parts(conditioning: Conditioning) -> None:
    """Refuse several conditionings, and one for a part of the picture or of the sampling.

    Raises:
        ValueError: with what came.
    """
    parts = sorted({key for _, one in conditioning for key in PARTS if one.get(key) is not None})
    ranges = {
        (one.get("start_percent", 0.0), one.get("end_percent", 1.0)) for _, one in conditioning
    }
    if len(conditioning) != 1 or parts or ranges != {(0.0, 1.0)}:
        raise ValueError(
            "one conditioning for the whole picture and the whole sampling is needed, got "
            f"{len(conditioning)} part(s) with {', '.join(parts) or 'no area or mask'} and "
            f"timestep ranges {sorted(ranges)}. Connect Multi-Prompt Encode's output (with "
            "references) without Conditioning Combine, Set Area, Set Mask or Set Timestep Range; "
            "regions have windows of their own."
        )


def stack_texts(
    texts: Sequence[Tensor], left: bool, least: int = 0
) -> tuple[Tensor, tuple[slice, ...]]:
    """Texts of several lengths as one batch, zeros where they are shorter.

    Args:
        texts: (1, tokens, width) each.
        left: pad on the left, as ComfyUI pads FLUX.2's text anyway.
        least: tokens up to which all are filled up.

    Returns:
        (N, longest, width) and where each text stands in it.
    """
    longest = max(least, *(text.shape[1] for text in texts))
    missing = [longest - text.shape[1] for text in texts]
    pads = [(0, 0, gap, 0) if left else (0, 0, 0, gap) for gap in missing]
    stacked = torch.cat([F.pad(text, pad) for text, pad in zip(texts, pads, strict=True)])
    places = (slice(gap, None) if left else slice(0, longest - gap) for gap in missing)
    return stacked, tuple(slice(*place.indices(longest)) for place in places)


def branch_conditioning(
    branches: Branches, positions: bool
) -> tuple[Conditioning, tuple[slice, ...]]:
    """All branches as one conditioning with a batch of texts, and where each text stands.

    Filling on the left is the padding that core gives such text alone; on the right
    ``shut_padding`` hides it.

    Args:
        positions: where tokens stand depends on the text's length: then words stand where they do
            alone.
    """
    left = positions and branches.left
    least = branches.text_tokens if positions else 0
    text, places = stack_texts(branches.texts, left, least)
    extras = {**branches.extras, "model_conds": dict(branches.extras["model_conds"])}
    if branches.pooled:
        extras["pooled_output"] = torch.cat(branches.pooled)
    lengths = tuple(place.stop for place in places)
    if not left and min(lengths) < text.shape[1]:
        extras["model_conds"][PADDING] = comfy.conds.CONDConstant(lengths)
    return [[text, repeat_references(counted(extras, text), len(text))]], places


def counted(extras: dict[str, Any], text: Tensor) -> dict[str, Any]:
    """Extras of another text; some models learn its length from an attention mask of ones."""
    if "attention_mask" not in extras or "attention_mask_img_shape" in extras:  # a style's mask
        return extras
    return {**extras, "attention_mask": torch.ones((1, text.shape[1]), dtype=torch.long)}


def repeat_references(extras: dict[str, Any], times: int) -> dict[str, Any]:
    """Extras whose batches of references follow a latent that is repeated item by item."""
    latents: list[Tensor] = extras.get("reference_latents") or []
    repeated = [one if len(one) == 1 else one.repeat_interleave(times, dim=0) for one in latents]
    return {**extras, "reference_latents": repeated} if repeated else extras


def has_batches(extras: Mapping[str, Any]) -> bool:
    """True if a control or a picture beside the references is for the items of a batch.

    Core lays those over a batch as they come, [a, b, a, b], where branches are [a, a, b, b].
    """
    control, hints = extras.get("control"), list[Any]()
    while control is not None:
        hints.append(control.cond_hint_original)
        control = control.previous_controlnet
    pictures = [extras.get("concat_latent_image"), extras.get("concat_mask")]
    return any(one is not None and len(one) > 1 for one in (*hints, *pictures))


def shut_padding(model: ModelPatcher) -> ModelPatcher:
    """A clone in which nobody attends to the filling of shorter texts."""

    @around_model
    def forward(call: ModelCall, run: Forward) -> Tensor:
        lengths: tuple[int, ...] | None = call.extras.get(PADDING)
        if lengths is None:
            return run()
        token = torch.arange(call.context.shape[1], device=call.x.device)
        filling = token >= torch.tensor(lengths, device=call.x.device)[:, None]
        shut = torch.zeros(filling.shape, device=call.x.device)
        shut = shut.masked_fill(filling, float("-inf")).repeat(len(call.x) // len(lengths), 1)
        override = shutting_override(call.options.get(OVERRIDE), shut[:, None, None])
        return run({**call.options, OVERRIDE: override})

    patched = model.clone()
    patched.add_wrapper_with_key(WRAPPER, PADDING, forward)
    return patched


def shutting_override(previous: Override | None, shut: Tensor) -> Override:
    """An attention override that adds (B, 1, 1, text) to the logits of the text keys."""

    @whole_sequence
    def override(
        func: Override,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        heads: int,
        mask: Tensor | None = None,
        **rest: Any,
    ) -> Tensor:
        if mask is not None:
            raise ValueError(
                "branches of several lengths cannot be batched together with another attention "
                "mask. Set the number of branches per batch to 1."
            )
        split = split_heads(q, k, v, heads, rest)
        added = F.pad(shut.to(q.dtype), (0, split.k.shape[2] - shut.shape[-1]))
        kernel = attention_call(previous, split.q)
        out = kernel(split.q, split.every_k(), split.every_v(), heads, mask=added, **split.rest)
        return as_wanted(out, heads, split.flat)

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
    return [branches.part(slice(i, i + size)) for i in range(0, count, size)]


class Located(NamedTuple):
    """What phase A found: the masks on the token grid, and the branches' composed latent."""

    found: FoundMasks
    composed: Tensor


def locate_instances(
    model: ModelPatcher,
    conditioning: Conditioning,
    run: SamplingRun,
    blocks: str,
    at_once: int,
    smoothing: Smoothing = SMOOTHING,
) -> Located:
    """Sample one branch per instruction, and find where each acts in the last step.

    Args:
        run: phase A, the first steps of the edit.
        blocks: which are read, see ``chosen_blocks``; empty: the last but one, as in the paper.
        at_once: branches that run as one batch; 0: as many as memory allows. Each runs alone where
            the batch would change what it is given: samplers that draw noise, extras with a batch.
        smoothing: of the maps.
    """
    known = joint_model(model, NODE)
    read = chosen_blocks(known.blocks, blocks, PENULTIMATE)
    samples = latent_samples(model, run.latent)
    say_mean(samples)
    branches = replace(split_branches(conditioning), pooled=own_pooled(conditioning))
    alike = run.branches_alike and (len(samples) == 1 or not has_batches(branches.extras))
    alike &= known.family.text_first  # else filling cannot be hidden where it stands
    groups = branch_groups(model, branches, samples, at_once if alike else 1)
    maps, ends = zip(*(run_branches(model, group, read, run) for group in groups), strict=True)
    found = iid_masks(torch.cat(maps), smoothing)
    fine = spread_tokens(found.masks, known.patch, (samples.shape[-2], samples.shape[-1]))
    return Located(found, compose_branches(torch.cat(ends, dim=1), fine))


def run_branches(
    model: ModelPatcher, branches: Branches, blocks: Collection[int], run: SamplingRun
) -> tuple[Tensor, Tensor]:
    """Sample branches in one batch and read the last step.

    Returns:
        (N, H, h, w) attention of each branch to its instruction, and their latents
        (B, N, C, H, W).
    """
    known = known_model(model, NODE)
    texts, places = branch_conditioning(branches, known.family.stands_by_length(known.diffusion))
    own = tuple((tuple(range(place.start, place.stop)),) for place in places)
    capture = Capture(blocks, range(run.steps), latest=True)
    reading = TextReading(texts[0][0].shape[1], own)
    patched = capture_attention(shut_padding(seen_whole(model, NODE)), capture)
    ends = sample_branches(patched, attach_reading(texts, reading), run, len(places))
    return capture.mean()[:, :, 0], ends
