"""Preview Attention Bias: who sees whom, and how far over the picture each instance reaches."""

from typing import Any

import torch
from comfy_api.latest import io, ui
from torch import Tensor

from ..attention.membership import assign_tokens
from ..attention.reach import bias_reach
from ..attention.recipe import BiasRecipe, Extent
from ..attention.schedule import OFF
from ..attention.tokens import TokenLayout
from ..host.carrier import conditioning_spans
from ..host.layout import block_count, expected_layout
from ..host.regions import recipe_for
from ..mask_ops.regions import InstanceRegion
from ..pictures.bias import BiasPage, draw_bias_page
from ..pictures.marks import to_image, to_picture
from ..pictures.strip import acting_blocks, block_strip
from .apply_instance_attention import default_recipe
from .inputs.sockets import CATEGORY, Bias


class PreviewAttentionBias(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditPreviewBias",
            display_name="Preview Attention Bias",
            category=f"{CATEGORY}/look",
            description="Draws what a bias does before you sample: who sees whom, and over the "
            "picture how far every instruction reaches. One picture per kind of bias.",
            search_aliases=["attention mask", "heat map", "visualize", "debug"],
            is_output_node=True,
            inputs=[
                Bias.Input(
                    "bias",
                    optional=True,
                    tooltip="From Build Disentangled Bias. Not connected (neutral): what acts "
                    "then, MICE as it is set there, with the regions of the conditioning.",
                ),
                io.Image.Input(
                    "image",
                    optional=True,
                    tooltip="The picture that is edited, as large as it goes to the VAE. Not "
                    "connected (neutral): a grey ground as large as the reference, or 1024 x 1024.",
                ),
                io.Conditioning.Input(
                    "conditioning",
                    optional=True,
                    tooltip="From Multi-Prompt Encode and Reference Latent, for the real prompts' "
                    "lengths and references, and for the regions if the bias has none of its own. "
                    "Not connected (neutral): one reference as large as the picture.",
                ),
                io.Int.Input(
                    "first_instance",
                    default=1,
                    min=1,
                    max=4096,
                    advanced=True,
                    tooltip="Number of the first instance whose maps are drawn; twelve fit on a "
                    "page. 1 is neutral.",
                ),
                io.Model.Input(
                    "model",
                    optional=True,
                    tooltip="The model that is sampled, for the blocks it really has. Not "
                    "connected (neutral): block numbers and shares stand as they were written.",
                ),
            ],
            outputs=[io.Image.Output(tooltip="One page per kind of bias in the schedule.")],
        )

    @classmethod
    def execute(
        cls,
        first_instance: int,
        bias: BiasRecipe | None = None,
        image: Any = None,
        conditioning: Any = None,
        model: Any = None,
    ) -> io.NodeOutput:
        bias = known_regions(bias or default_recipe(), conditioning)
        layout, extents = expected_layout(bias.instances, image, conditioning)
        depth = None if model is None else block_count(model)
        if depth is not None:
            bias.kinds(depth)
        first = min(first_instance, len(bias.instances)) - 1
        kinds = dict.fromkeys(stage.kind for stage in bias.stages if stage.kind != OFF)
        picture = None if image is None else to_picture(image[0])
        pages = [
            draw_bias_page(bias_page(bias, kind, layout, extents, first, depth), picture)
            for kind in kinds
        ]
        drawn = to_image(*pages)
        return io.NodeOutput(drawn, ui=ui.PreviewImage(drawn, cls=cls))


def known_regions(bias: BiasRecipe, conditioning: Any) -> BiasRecipe:
    """The bias with its own regions, or those of the conditioning.

    Raises:
        ValueError: a bias without regions and no conditioning, or two different sets.
    """
    if conditioning is not None:
        return recipe_for(bias, conditioning_spans(conditioning))
    if bias.regions is None:
        raise ValueError(
            "this bias takes its regions from the conditioning: connect 'conditioning', from "
            "Multi-Prompt Encode, or 'regions' of Build Disentangled Bias."
        )
    return bias


def bias_page(
    recipe: BiasRecipe,
    kind: str,
    layout: TokenLayout,
    extents: list[Extent],
    first: int = 0,
    depth: int | None = None,
) -> BiasPage:
    """One kind of a recipe's bias, with all its instances taking part.

    Args:
        first: 0-based number of the first instance whose maps are drawn.
        depth: blocks of the model, if it is known.
    """
    active = [True] * layout.instances
    masks, references, owners = recipe.place(layout, active, extents)
    members = assign_tokens(layout, masks, references, owners, active)
    where = acting_blocks(recipe.stages, kind, depth)
    counted = "steps" if recipe.window_by == "steps" else "noise levels"
    return BiasPage(
        title=recipe.method if len(recipe.builders) == 1 else f"{recipe.method}: {kind}",
        notes=(
            f"acts in {where}, in {counted} {recipe.start:.0%} to {recipe.end:.0%}",
            f"{layout.text_total} text, {layout.latent_tokens} result and "
            f"{sum(layout.reference_tokens)} reference tokens",
        ),
        strip=block_strip(recipe.stages, depth),
        kind=kind,
        reach=bias_reach(recipe.build(kind, layout, active, extents), layout, members),
        masks=masks,
        extent=extents[0],
        labels=tuple(region.instruction for region in recipe.instances),
        details=tuple(map(_details, recipe.instances, masks)),
        first=first,
    )


def _details(region: InstanceRegion, mask: Tensor) -> str:
    parts = [f"{int(torch.count_nonzero(mask))} tokens"]
    if region.strength != 1:
        parts.append(f"strength {region.strength:g}")
    if (region.start, region.end) != (0, 1):
        parts.append(f"steps {region.start:.0%} to {region.end:.0%}")
    if region.reference is not None:
        parts.append(f"owns reference {region.reference + 1}")
    return ", ".join(parts)
