"""What the seam asks of a family of models, and the answers that most families share."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from ...attention.tokens import TokenLayout
from ..call import ModelCall, Options

Norms = tuple[Sequence[Any], Sequence[Any]]
"""Modules that normalise queries, and those that normalise keys."""


@dataclass(frozen=True)
class Stage:
    """Attention calls over the same tokens in the same order, one in each block.

    Attributes:
        block: number of the first block, doubles first, then singles; None: calls before the
            blocks (refiners), which get what the first block gets.
        count: how many calls.
        order: the canonical token (of the TokenLayout) that each key is of. A token may stand
            there more than once, or not at all.
        queries: likewise of each query, where they are others than the keys (cross-attention).
    """

    block: int | None
    count: int
    order: tuple[int, ...]
    queries: tuple[int, ...] | None = None

    @property
    def blocks(self) -> Sequence[int]:
        """Number of the block whose kind of bias each call gets."""
        first = self.block
        return [0] * self.count if first is None else range(first, first + self.count)


@dataclass(frozen=True)
class Stream:
    """Layers that act on the same tokens, one by one.

    Attributes:
        layers: patterns (``fnmatch``) of their names in the diffusion model.
        tokens: the canonical token at each place of their input.
    """

    layers: tuple[str, ...]
    tokens: tuple[int, ...]


class Family(Protocol):
    """One family of models; every method is asked about the bare diffusion model or a call of it.

    The canonical sequence is ``[text | latent | references]``, whatever the model's own order.
    """

    name: str
    hooked: bool
    """Core's forward does not name its attention calls: hooks around ``blocks`` do."""
    text_first: bool
    """In every attention call the keys begin with the text, and all tokens are among them."""
    joint: bool
    """In the blocks' calls text and picture attend to each other, all tokens in one sequence."""

    def owns(self, model: Any) -> bool:
        """True if the model is of this family."""
        ...

    def counts(self, model: Any) -> tuple[int, int]:
        """Number of double and of single blocks."""
        ...

    def blocks(self, model: Any) -> Sequence[Any]:
        """The module of every attention call, in the order of ``stages``: each makes one such
        call in a forward. Calls of numbered blocks come first, call n being block n's."""
        ...

    def norms(self, model: Any) -> Sequence[Norms]:
        """Per call the modules that normalise its queries and its keys, one for each stream of
        tokens; () if they are not known to keep lengths."""
        ...

    def heads(self, model: Any) -> tuple[int, int]:
        """Number of attention heads, and the width of one."""
        ...

    def patch(self, model: Any) -> int:
        """Side of a token in latent pixels."""
        ...

    def references(self, call: ModelCall) -> Sequence[Tensor]:
        """The reference latents that a call really attends to, in the order of the sequence.

        Raises:
            ValueError: references that the model would drop without a word.
        """
        ...

    def drops_references(self, model: Any) -> bool:
        """True if core drops reference latents without a word, before they come to a call."""
        ...

    def padded_to(self, model: Any) -> int:
        """Number of tokens up to which the host pads short text on its left; 0 for no padding."""
        ...

    def extra_tokens(self, call: ModelCall) -> int:
        """Number of other tokens that the model adds and that belong to nobody. They join the
        global prompt: ``stages`` finds them at the end of its ``text``."""
        ...

    def text_positions(self, model: Any) -> bool:
        """True if the positions of text tokens run on, and can be set by ``post_input`` patches."""
        ...

    def stands_by_length(self, model: Any) -> bool:
        """True if tokens stand elsewhere in a longer text, so that a part of it must be filled up
        to stand where it does in the whole."""
        ...

    def picture_positions(self, model: Any) -> bool:
        """True if the positions of picture tokens can be set by ``post_input`` patches."""
        ...

    def alone(self, options: Options, text_tokens: int) -> Options:
        """transformer_options under which the picture stands where it does beside a text alone.

        Args:
            text_tokens: of the global prompt, as core gives it to the model.
        """
        ...

    def stages(self, call: ModelCall, layout: TokenLayout, text: Sequence[int]) -> Iterable[Stage]:
        """The attention calls of one forward.

        Args:
            text: the canonical token at each place of the text.
        """
        ...

    def streams(
        self, call: ModelCall, layout: TokenLayout, text: Sequence[int]
    ) -> Iterable[Stream]:
        """Layers that act on single tokens, and on which; a layer belongs to the first that names
        it. Layers of no stream (modulation, embedders) act on no token, or run more than once.

        Args:
            text: the canonical token at each place of the text.
        """
        ...

    def where(self, model: Any, options: Options) -> int | None:
        """Number of the attention call, in the order of ``stages``; None if it is none of them."""
        ...


class JointAttention:
    """FLUX's own layout, ``[text | latent | references]`` in every block, blocks named by core."""

    hooked = False
    text_first = True
    joint = True

    def counts(self, model: Any) -> tuple[int, int]:
        return len(model.double_blocks), len(model.single_blocks)

    def blocks(self, model: Any) -> Sequence[Any]:
        return [*model.double_blocks, *model.single_blocks]

    def norms(self, model: Any) -> Sequence[Norms]:
        doubles = [(one.img_attn.norm, one.txt_attn.norm) for one in model.double_blocks]
        each = [*doubles, *((one.norm,) for one in model.single_blocks)]
        return [
            ([one.query_norm for one in norms], [one.key_norm for one in norms]) for norms in each
        ]

    def heads(self, model: Any) -> tuple[int, int]:
        return model.num_heads, model.hidden_size // model.num_heads

    def patch(self, model: Any) -> int:
        return model.patch_size

    def references(self, call: ModelCall) -> Sequence[Tensor]:
        return call.extras.get("ref_latents") or ()

    def drops_references(self, model: Any) -> bool:
        return False

    def padded_to(self, model: Any) -> int:
        return 0

    def extra_tokens(self, call: ModelCall) -> int:
        return 0

    def text_positions(self, model: Any) -> bool:
        return False

    def stands_by_length(self, model: Any) -> bool:
        return self.text_positions(model)

    def picture_positions(self, model: Any) -> bool:
        return True

    def alone(self, options: Options, text_tokens: int) -> Options:
        return options

    def stages(self, call: ModelCall, layout: TokenLayout, text: Sequence[int]) -> Iterable[Stage]:
        image = image_order(layout, [call.x, *self.references(call)])
        yield Stage(0, sum(self.counts(call.model)), (*text, *image))

    def streams(
        self, call: ModelCall, layout: TokenLayout, text: Sequence[int]
    ) -> Iterable[Stream]:
        image = image_order(layout, [call.x, *self.references(call)])
        double = "double_blocks.*."
        own = (f"{double}img_attn.*", f"{double}img_mlp.*", "img_in", "final_layer.linear")
        yield Stream(own, image)
        yield Stream((f"{double}txt_attn.*", f"{double}txt_mlp.*", "txt_in"), tuple(text))
        yield Stream(("single_blocks.*.linear?",), (*text, *image))

    def where(self, model: Any, options: Options) -> int | None:
        if "block_index" not in options:
            return None
        single = options.get("block_type") == "single"
        return options["block_index"] + (self.counts(model)[0] if single else 0)


def picture_tokens(shape: Sequence[int], patch: int) -> int:
    """Number of tokens of a latent of this shape, all layers together."""
    layers = shape[2] if len(shape) == 5 else 1
    return layers * math.ceil(shape[-2] / patch) * math.ceil(shape[-1] / patch)


def image_order(layout: TokenLayout, pictures: Sequence[Tensor]) -> tuple[int, ...]:
    """``[latent | references]``, of these latents. All layers of one (B, C, layers, H, W) have the
    same regions."""
    spans = (layout.latent_span, *map(layout.reference_span, range(len(pictures) - 1)))
    return tuple(
        token
        for span, picture in zip(spans, pictures, strict=True)
        for _ in range(picture.shape[2] if picture.ndim == 5 else 1)
        for token in range(span.start, span.stop)
    )
