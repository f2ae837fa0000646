"""Around one sampling run: tell core the memory it takes, refuse what cannot fit, log one line."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import comfy.model_management
from torch import Tensor

from ..attention.execute.memory import working_bytes
from ..attention.execute.plan import BiasPlan
from ..mask_ops.regions import InstanceRegion
from ..prompts.spans import PromptSpans
from .call import KEY, Options, bare_model
from .carrier import appended_tokens, carried_spans, every_cond
from .controlnets import show_global_prompt
from .dropped_references import refuse_dropped_references
from .families import find_family
from .families.family import picture_tokens
from .kernels import kernel_name
from .lora_shelf import Shelf, shelf_for
from .moment import say_part

log = logging.getLogger("instance_edit")

RUN = "instance_edit_run"
Edited = tuple[tuple[PromptSpans, ...], tuple[Tensor, ...]]
"""Of a conditioning with instances: the spans of its items, and its references as LATENTs."""


@dataclass(kw_only=True)
class RunNote:
    """What is known of one sampling run.

    Attributes:
        mixed: its conditionings have different regions.
        whole: (H, W) of the latent that is sampled.
        pictures: in its batch, where no call may hold fewer; else 0.
        expected: a conditioning with instances acts from the first step on.
        hooked: a conditioning has hooks, which may change weights between two calls.
        called: a model call of it came to our wrapper.
        proved: a model call of it came through our override.
        logged: its line was logged.
        timed: it was said that its windows are those of a part of the sampling, if they are.
        said: what else was logged, each once.
        edited: its conditionings with instances.
        loras: the LoRAs of its instances.
    """

    mixed: bool = False
    whole: tuple[int, int] = (0, 0)
    pictures: int = 0
    expected: bool = False
    hooked: bool = False
    called: bool = False
    proved: bool = False
    logged: bool = False
    timed: bool = False
    said: set[str] = field(default_factory=set)
    edited: tuple[Edited, ...] = ()
    loras: Shelf = field(default_factory=Shelf)


def say_once(options: Options, message: str) -> bool:
    """Log a message once in a sampling run, outside a run every time; True if it was logged."""
    note: RunNote | None = options.get(RUN)
    new = note is None or message not in note.said
    if new:
        log.info(message)
    if note is not None:
        note.said.add(message)
    return new


def prepared_sampling(dense: bool, regions: Sequence[InstanceRegion] = ()) -> Callable[..., Any]:
    """The wrapper around core's preparation of a run: its memory estimate, and our run's note.

    Args:
        regions: the bias's own, beside those of the conditionings.
    """

    def prepare(
        executor: Any,
        model: Any,
        noise_shape: Sequence[int],
        conds: Mapping[str, Sequence[dict[str, Any]]],
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        check_texts(conds)
        refuse_dropped_references(model, conds)
        show_global_prompt(conds, _family(model).padded_to(_diffusion(model)))
        options = run_options(*args, **kwargs)
        shelf = shelf_for(model, regions, conds)
        if options is not None:
            options.setdefault("transformer_options", {})[RUN] = RunNote(
                loras=shelf,
                mixed=mixed_regions(conds),
                whole=(noise_shape[-2], noise_shape[-1]),
                expected=expects_instances(conds),
                hooked=any(cond.get("hooks") is not None for cond in every_cond(conds)),
                edited=edited_conds(conds),
            )
        training = comfy.model_management.in_training
        each = (1, *noise_shape[1:]) if training else noise_shape  # it comes picture by picture
        text, total = longest_sequence(model, each, conds)
        if text:
            bytes_needed = attention_bytes(model, each, total, dense) + shelf.nbytes
            check_fits(bytes_needed, total, model.load_device, dense)
            if not training:
                noise_shape = widened(model, noise_shape, text, bytes_needed)
        return executor(model, noise_shape, conds, *args, **kwargs)

    return prepare


def run_options(
    model_options: dict[str, Any] | None = None, *_: Any, **__: Any
) -> dict[str, Any] | None:
    """The model options among what core's preparation of a run gets behind its conditionings."""
    return model_options


def check_texts(conds: Mapping[str, Sequence[dict[str, Any]]]) -> None:
    """Hold the text of every conditioning with instances against what was encoded.

    The spans learn how many tokens were appended, which cannot be told once the host pads the text.

    Args:
        conds: core's own, of one run; changed in place.

    Raises:
        ValueError: other text than was encoded.
    """
    appended: set[int] = set()
    for cond in every_cond(conds):
        carried = carried_spans(cond)
        if carried is not None:
            more = appended_tokens(carried, cond["cross_attn"])
            cond["model_conds"] = {**cond["model_conds"], KEY: carried.with_appended(more)}
            appended.add(more)
    if any(appended):
        log.info(
            f"{max(appended)} tokens were appended to the prompts (Redux, Conditioning Concat or "
            "the like): they belong to the global prompt."
        )


def longest_sequence(
    model: Any, noise_shape: Sequence[int], conds: Mapping[str, Sequence[Options]]
) -> tuple[int, int]:
    """(text tokens, all tokens) of the longest conditioning with instances; (0, 0) if none has."""
    patch = _family(model).patch(_diffusion(model))
    longest = (0, 0)
    for cond in every_cond(conds):
        text: Tensor | None = cond.get("cross_attn")
        if text is None or carried_spans(cond) is None:
            continue
        references = cond.get("reference_latents") or cond.get("context_latents") or ()
        pictures = [tuple(noise_shape), *(p.shape for p in references)]
        image = sum(picture_tokens(p, patch) for p in pictures)
        longest = max(longest, (text.shape[1], text.shape[1] + image), key=lambda pair: pair[1])
    return longest


def attention_bytes(model: Any, noise_shape: Sequence[int], total: int, dense: bool) -> int:
    """Bytes that biased attention takes beside the model's own."""
    heads, width = _family(model).heads(_diffusion(model))
    dtype = model.model.get_dtype_inference()
    return working_bytes(total, noise_shape[0], heads, width, dtype, model.load_device.type, dense)


def check_fits(bytes_needed: int, total: int, device: Any, dense: bool) -> None:
    """Refuse a run whose attention alone is larger than the device.

    Raises:
        ValueError: with what to change.
    """
    available: Any = comfy.model_management.get_total_memory(device)  # a number, asked like this
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

    Every text token counts as an image token; ``bytes_needed`` is turned into as many pixels as
    core's estimate gives that many bytes.
    """
    batch, channels, *middle, height, width = noise_shape
    pixel_bytes = model.model.memory_required([1, channels, *middle, 1, 1])
    side = _family(model).patch(_diffusion(model))
    pixels = text * side**2 + bytes_needed / (batch * pixel_bytes)
    return (batch, channels, *middle, height + math.ceil(pixels / width), width)


def _diffusion(model: Any) -> Any:
    return bare_model(model.model.diffusion_model)


def _family(model: Any) -> Any:
    return find_family(_diffusion(model))


def mixed_regions(conds: Mapping[str, Sequence[Options]]) -> bool:
    """True if the positive conditionings with regions differ in these, text or references."""
    told: set[tuple[Any, ...]] = set()
    for cond in conds.get("positive", ()):
        if (one := carried_spans(cond)) is not None:
            told.add((one.cond, id(one.text), *map(id, cond.get("reference_latents") or ())))
    return len(told) > 1


def expects_instances(conds: Mapping[str, Sequence[Options]]) -> bool:
    """True if a conditioning with instances acts from the first step on."""
    at_once = [cond for cond in every_cond(conds) if not cond.get("start_percent")]
    return any(key.startswith(KEY) for cond in at_once for key in cond.get("model_conds", {}))


def edited_conds(conds: Mapping[str, Sequence[Options]]) -> tuple[Edited, ...]:
    """The conditionings with instances, whichever prompt they are."""
    carried = [(carried_spans(cond), cond) for cond in every_cond(conds)]
    return tuple(
        (one.items, tuple(cond.get("reference_latents") or ()))
        for one, cond in carried
        if one is not None
    )


def has_mixed_regions(options: Options) -> bool:
    """True in a sampling run whose conditionings have different regions."""
    note: RunNote | None = options.get(RUN)
    return note is not None and note.mixed


def without_run(options: Options) -> Options:
    """The options as a model without our patches has them: a compiled graph may be either's."""
    return {name: value for name, value in options.items() if not name.startswith(KEY)}


def is_first_call(options: Options) -> bool:
    """True until a call of this sampling run has been through; always outside a run."""
    note: RunNote | None = options.get(RUN)
    if note is None:
        return True
    first, note.proved = not note.proved, True
    return first


def say_part_once(
    options: Options, schedule: Tensor | None, sampling: Any, what: str, node: str
) -> None:
    """``say_part`` at the first call of a sampling run."""
    note: RunNote | None = options.get(RUN)
    if note is not None and not note.timed:
        note.timed = True
        say_part(schedule, sampling, what, node)


def report_run(
    options: Options,
    planned: Mapping[int, Any],
    block: Sequence[tuple[BiasPlan | None, slice]],
    masked: Callable[..., Tensor],
    plain: Callable[..., Tensor],
    whole: bool,
) -> None:
    """Log one line at a run's first biased call; nothing outside a sampling run.

    Args:
        planned: the biases of all blocks, each with its items of the batch.
        block: those of the block that is called.
    """
    note: RunNote | None = options.get(RUN)
    if note is None or note.logged:
        return
    note.logged = True
    held = {
        id(plan): plan.bias for plans in planned.values() for plan, _ in plans if plan is not None
    }
    first = next(plan.bias for plan, _ in block if plan is not None)
    stored = sum(bias.nbytes for bias in held.values())
    schedule = options.get("sample_sigmas")
    kernels = kernel_name(masked) if whole else f"{kernel_name(masked)}, {kernel_name(plain)}"
    log.info(
        f"instance attention: {len(planned)} biased blocks, "
        f"{'?' if schedule is None else len(schedule) - 1} steps, {first.keys} tokens, "
        f"kernel {kernels}, bias {stored / 2**20:.2f} MiB "
        f"(dense: {first.queries * first.keys * first.rows.element_size() / 2**20:.0f} MiB)."
    )
