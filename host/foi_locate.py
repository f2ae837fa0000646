"""The seam of FoI's locator: the picture's attention to an instruction's keywords."""

from collections.abc import Sequence

import torch.nn.functional as F
from comfy.model_patcher import ModelPatcher

from ..attention.schedule import Share, Stage
from ..attention.tokens import TokenLayout
from ..mask_ops.foi import Focus, foi_masks
from ..mask_ops.found_masks import FoundMasks
from .capture import Capture, TextReading, attach_reading, capture_attention, chosen_blocks
from .carrier import Conditioning, conditioning_spans
from .iid import refuse_parts
from .known import joint_model
from .sampling_run import SamplingRun, latent_samples, sample_branches, say_mean
from .whole import seen_whole

NODE = "Locate Instruction (FoI)"
MIDDLE = Stage("read", Share(0.25, 0.75))


def locate_instruction(
    model: ModelPatcher,
    conditioning: Conditioning,
    run: SamplingRun,
    words: Sequence[Sequence[int]],
    blocks: str,
    how: Focus,
    reference: int | None = None,
) -> FoundMasks:
    """Where each instruction acts, by the attention of the run's last step.

    Args:
        run: the steps up to the one that is read.
        words: per instruction the numbers of its keywords' tokens in its prompt.
        blocks: which are read, see ``chosen_blocks``; empty: the middle half.
        how: the map becomes a mask.
        reference: number of the reference image whose tokens read; None: the latent's.
    """
    known = joint_model(model, NODE)
    read = chosen_blocks(known.blocks, blocks, MIDDLE)
    capture = Capture(read, range(run.steps), True, reference, latest=True)
    refuse_parts(conditioning)
    latent = latent_samples(model, run.latent)
    say_mean(latent)
    marked = attach_reading(conditioning, word_reading(conditioning, words))
    sample_branches(capture_attention(seen_whole(model, NODE), capture), marked, run)
    grid = [-(-side // known.patch) for side in latent.shape[-2:]]
    maps = F.interpolate(capture.mean()[0].mean(0)[None], grid, mode="bilinear")[0]
    return foi_masks(maps, how)


def word_reading(conditioning: Conditioning, words: Sequence[Sequence[int]]) -> TextReading:
    """Reads some tokens of every instance's prompt, one group per instance."""
    spans = conditioning_spans(conditioning)
    layout = TokenLayout(spans.lengths, (1, 1))
    groups = tuple(
        tuple(layout.text_span(n + 1).start + token for token in tokens)
        for n, tokens in enumerate(words)
    )
    return TextReading(conditioning[0][0].shape[1], (groups,))
