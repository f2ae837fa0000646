"""OmniGen2 and Boogu: ``[text | references | latent]``, each refined alone before the blocks."""

from collections.abc import Iterable, Sequence
from typing import Any

from ...attention.tokens import TokenLayout
from ..call import ModelCall
from .core_class import is_made_by
from .family import Stage, Stream
from .hooked import HookedAttention


def picture_parts(layout: TokenLayout) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Canonical tokens of the latent, and of all references."""
    latent, every = layout.latent_span, range(layout.total)
    return tuple(every[latent]), tuple(every[latent.stop :])


class OmniGen2(HookedAttention):
    name = "OmniGen2"

    def owns(self, model: Any) -> bool:
        return is_made_by(model, "comfy.ldm.omnigen.omnigen2", "OmniGen2Transformer2DModel")

    def doubles(self, model: Any) -> Sequence[Any]:
        """Blocks that attend jointly, and then the picture to itself."""
        return ()

    def singles(self, model: Any) -> Sequence[Any]:
        """Blocks that attend jointly."""
        return model.layers

    def counts(self, model: Any) -> tuple[int, int]:
        return len(self.doubles(model)), len(self.singles(model))

    def blocks(self, model: Any) -> Sequence[Any]:
        doubles = self.doubles(model)
        return [
            *(block.img_instruct_attn for block in doubles),
            *self.singles(model),
            *(block.img_self_attn for block in doubles),
            *model.context_refiner,
            *model.noise_refiner,
            *model.ref_image_refiner,  # last: they run where references are
        ]

    def heads(self, model: Any) -> tuple[int, int]:
        attention = self.singles(model)[0].attn
        return attention.heads, attention.dim_head

    def stages(self, call: ModelCall, layout: TokenLayout, text: Sequence[int]) -> Iterable[Stage]:
        latent, references = picture_parts(layout)
        double, single = self.counts(call.model)
        yield Stage(0, double + single, (*text, *references, *latent))
        yield Stage(0, double, (*references, *latent))
        yield Stage(None, len(call.model.context_refiner), tuple(text))
        yield Stage(None, len(call.model.noise_refiner), latent)
        if references:
            yield Stage(None, len(call.model.ref_image_refiner), references)

    def streams(
        self, call: ModelCall, layout: TokenLayout, text: Sequence[int]
    ) -> Iterable[Stream]:
        latent, references = picture_parts(layout)
        whole = (*text, *references, *latent)
        words = ("context_refiner.*.attn.*", "context_refiner.*.feed_forward.*")
        yield Stream((*words, "time_caption_embed.caption_embedder.1"), tuple(text))
        own = ("noise_refiner.*.attn.*", "noise_refiner.*.feed_forward.*", "x_embedder")
        yield Stream(own, latent)
        shown = ("ref_image_refiner.*.attn.*", "ref_image_refiner.*.feed_forward.*")
        yield Stream((*shown, "ref_image_patch_embedder"), references)
        yield Stream(("layers.*.attn.*", "layers.*.feed_forward.*", "norm_out.linear_2"), whole)


class Boogu(OmniGen2):
    name = "Boogu"

    def owns(self, model: Any) -> bool:
        return is_made_by(model, "comfy.ldm.boogu.model", "BooguTransformer2DModel")

    def doubles(self, model: Any) -> Sequence[Any]:
        return model.double_stream_layers

    def singles(self, model: Any) -> Sequence[Any]:
        return model.single_stream_layers

    def streams(
        self, call: ModelCall, layout: TokenLayout, text: Sequence[int]
    ) -> Iterable[Stream]:
        yield from super().streams(call, layout, text)
        latent, references = picture_parts(layout)
        double, single = "double_stream_layers.*.", "single_stream_layers.*."
        words = (f"{double}*.instruct_*", f"{double}instruct_feed_forward.*")
        yield Stream(words, tuple(text))
        image = (f"{double}*.img_to_?", f"{double}*.img_out", f"{double}img_self_attn.*")
        yield Stream((*image, f"{double}img_feed_forward.*"), (*references, *latent))
        whole = (
            f"{double}img_instruct_attn.to_out.0",
            f"{single}attn.*",
            f"{single}feed_forward.*",
        )
        yield Stream(whole, (*text, *references, *latent))
