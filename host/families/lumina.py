"""Lumina 2 and Z-Image: text and pictures are refined apart; Z-Image pads each to a multiple of 32.

With references (Z-Image Omni) the sequence is ``[captions | SigLIP | references, latent]``, every
part with its padding. What is added belongs to nobody.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, prod
from typing import Any

from ...attention.tokens import TokenLayout
from ..call import ModelCall
from .core_class import is_made_by
from .family import Stage, Stream, picture_tokens
from .hooked import HookedAttention


@dataclass(frozen=True)
class Padding:
    """How many tokens the model adds.

    Attributes:
        before: captions of the references, padded, in front of the text.
        text: behind the text.
        behind: further captions, padded.
        siglip: SigLIP's tokens, padded.
        pictures: behind each reference, and behind the latent.
    """

    before: int
    text: int
    behind: int
    siglip: int
    pictures: tuple[int, ...]

    @property
    def total(self) -> int:
        return self.before + self.text + self.behind + self.siglip + sum(self.pictures)


class Lumina2(HookedAttention):
    name = "Lumina 2, Z-Image"

    def owns(self, model: Any) -> bool:
        return is_made_by(model, "comfy.ldm.lumina.model", "NextDiT")

    def counts(self, model: Any) -> tuple[int, int]:
        return len(model.layers), 0

    def blocks(self, model: Any) -> Sequence[Any]:
        refiners = (*model.context_refiner, *model.noise_refiner, *(model.siglip_refiner or ()))
        return [*model.layers, *refiners]

    def heads(self, model: Any) -> tuple[int, int]:
        return model.n_heads, model.dim // model.n_heads

    def drops_references(self, model: Any) -> bool:
        return model.pad_tokens_multiple is None

    def extra_tokens(self, call: ModelCall) -> int:
        return self.padding(call).total

    def padding(self, call: ModelCall) -> Padding:
        """What the model adds to a call's tokens."""
        multiple = call.model.pad_tokens_multiple or 1
        pictures = [*self.references(call), call.x]
        references = len(pictures) - 1
        captions = [one.shape[1] for one in call.extras.get("ref_contexts") or ()]
        own = [*captions[:references], *[0] * (references - len(captions))]
        seen = [prod(one.shape[1:3]) for one in call.extras.get("siglip_feats") or ()]
        siglip = [*seen[:references], *[0] * (references - len(seen)), 0]
        with_siglip = references and call.model.siglip_embedder is not None
        side = self.patch(call.model)
        tokens = [picture_tokens(one.shape, side) for one in pictures]
        return Padding(
            before=sum(filled(count, multiple) for count in own),
            text=-call.context.shape[1] % multiple,
            behind=sum(filled(count, multiple) for count in captions[references:]),
            siglip=sum(filled(count, multiple) for count in siglip) if with_siglip else 0,
            pictures=tuple(-count % multiple for count in tokens),
        )

    def parts(
        self, call: ModelCall, layout: TokenLayout, text: Sequence[int]
    ) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """Captions, SigLIP's tokens and pictures, each with its padding."""
        padding = self.padding(call)
        words = text[: len(text) - padding.total]
        spare = iter(text[len(text) - padding.total :])
        captions = (*take(spare, padding.before), *words)
        captions = (*captions, *take(spare, padding.text + padding.behind))
        siglip = take(spare, padding.siglip)
        references = map(layout.reference_span, range(len(layout.reference_grids)))
        pictures = tuple(
            token
            for span, more in zip((*references, layout.latent_span), padding.pictures, strict=True)
            for token in (*range(span.start, span.stop), *take(spare, more))
        )
        return captions, siglip, pictures

    def stages(self, call: ModelCall, layout: TokenLayout, text: Sequence[int]) -> Iterable[Stage]:
        model = call.model
        captions, siglip, pictures = self.parts(call, layout, text)
        yield Stage(0, len(model.layers), (*captions, *siglip, *pictures))
        yield Stage(None, len(model.context_refiner), captions)
        yield Stage(None, len(model.noise_refiner), pictures)
        if siglip:
            yield Stage(None, len(model.siglip_refiner), siglip)

    def streams(
        self, call: ModelCall, layout: TokenLayout, text: Sequence[int]
    ) -> Iterable[Stream]:
        captions, siglip, pictures = self.parts(call, layout, text)
        yield Stream(within("context_refiner"), captions)
        yield Stream(within("siglip_refiner"), siglip)
        yield Stream(within("noise_refiner"), pictures)
        yield Stream((*within("layers"), "final_layer.linear"), (*captions, *siglip, *pictures))


def within(blocks: str) -> tuple[str, ...]:
    """The layers of some blocks, without their modulation."""
    return f"{blocks}.*.attention.*", f"{blocks}.*.feed_forward.*"


def filled(count: int, multiple: int) -> int:
    """Tokens of a part with its padding; a part without tokens is padding alone."""
    return max(ceil(count / multiple), 1) * multiple


def take(tokens: Iterator[int], count: int) -> tuple[int, ...]:
    """The next tokens."""
    return tuple(next(tokens) for _ in range(count))
