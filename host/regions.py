"""Which regions a model call is for: those of the conditioning, held against the bias's own."""

from collections.abc import Sequence
from dataclasses import replace

from ..attention.recipe import BiasRecipe, Extent
from ..mask_ops.fit import same_shape
from ..mask_ops.naming import instance_name
from ..mask_ops.put_back import vae_crop
from ..mask_ops.regions import InstanceRegion, picture_sets
from ..prompts.spans import PromptSpans

Regions = tuple[InstanceRegion, ...]
PIXELS_PER_TOKEN = 16
SAID = {
    "mask": "mask",
    "box": "box",
    "strength": "strength",
    "start": "steps window",
    "end": "steps window",
    "reference": "own reference",
    "reference_masks": "reference masks",
    "seed": "seed",
    "loras": "LoRA",
}


def recipe_for(recipe: BiasRecipe, spans: PromptSpans) -> BiasRecipe:
    """The recipe with the regions of one conditioning.

    Raises:
        ValueError: no regions on either side, or two sets that say different things.
    """
    if recipe.regions is None:
        return replace(recipe, regions=carried_regions(spans))
    sets = picture_sets(recipe.regions) if recipe.regions else [()]
    return replace(recipe, regions=agreed_regions(sets, spans))


def carried_regions(spans: PromptSpans) -> Regions:
    """The regions that a conditioning carries.

    Raises:
        ValueError: none, or regions without a place.
    """
    if len(spans.regions) != len(spans.instructions):
        raise ValueError(
            "neither the bias nor the conditioning has regions. Encode again with Multi-Prompt "
            "Encode, or connect 'regions' to Build Disentangled Bias."
        )
    nowhere = [
        instance_name(n, region.label).removeprefix("instance ")
        for n, region in enumerate(spans.regions, start=1)
        if region.origin == "nowhere"
    ]
    if nowhere:
        raise ValueError(
            f"instance {', '.join(nowhere)} has no place yet: connect the regions that a "
            "locator found to 'regions' of Build Disentangled Bias."
        )
    return spans.regions


def agreed_regions(sets: Sequence[Regions], spans: PromptSpans) -> Regions:
    """The bias's regions for one conditioning, which must be the same as the conditioning's.

    Args:
        sets: the bias's regions, one set for each picture of a batch.
    """
    alike = [own for own in sets if instructions_of(own) == spans.instructions]
    if not alike:
        refuse_others(sets[0], spans)
    if not spans.regions:
        return alike[0]
    found = [difference(own, spans.regions) for own in alike]
    if None not in found:
        raise ValueError(
            f"the bias and the conditioning have different regions: {found[0]}. Connect the same "
            "regions to Multi-Prompt Encode and Build Disentangled Bias, or none to the latter."
        )
    return alike[found.index(None)]


def refuse_others(regions: Regions, spans: PromptSpans) -> None:
    """Refuse regions whose instructions are not those of the conditioning.

    Raises:
        ValueError: with both lists.
    """
    own = instructions_of(regions)
    if own != spans.instructions:
        raise ValueError(
            f"the conditioning was encoded for {len(spans.instructions)} instance(s) "
            f"{list(spans.instructions)}, the regions are for {len(own)} {list(own)}. Connect the "
            "same regions to both: those that Multi-Prompt Encode got, or that a locator found for "
            "its conditioning."
        )


def instructions_of(regions: Regions) -> tuple[str, ...]:
    return tuple(region.instruction for region in regions)


def difference(own: Regions, carried: Regions) -> str | None:
    """The first thing in which two sets of the same instructions differ, in words; else None.

    A region without a place, or one that a locator found, is known by its instruction alone.
    """
    for n, (one, other) in enumerate(zip(own, carried, strict=True)):
        if one == other or {one.origin, other.origin} != {"drawn"}:
            continue
        parts = [name for field, name in SAID.items() if field_differs(one, other, field)]
        others = " and another ".join(dict.fromkeys(parts))
        return f"{instance_name(n + 1, one.label)} has another {others}"
    return None


def field_differs(one: InstanceRegion, other: InstanceRegion, field: str) -> bool:
    a, b = getattr(one, field), getattr(other, field)
    if field in ("mask", "reference_masks") and a is not None and b is not None:
        return a.shape != b.shape or a.dtype != b.dtype or not bool((a == b).all())
    return (a is None) != (b is None) or a != b


def said_of_shapes(regions: Regions, extent: Extent) -> str | None:
    """What to say where regions were drawn on a picture of another aspect than the one sampled.

    A picture that VAE Encode cropped by less than its multiple counts as the same.

    Args:
        extent: (rows, columns) of tokens that the latent spans.
    """
    size = (round(extent[0] * PIXELS_PER_TOKEN), round(extent[1] * PIXELS_PER_TOKEN))
    others = [
        f"{n} ({region.size[1]} x {region.size[0]})"
        for n, region in enumerate(regions, start=1)
        if region.size is not None
        and not same_shape(region.size, size)
        and vae_crop(region.size, size) is None
    ]
    if not others:
        return None
    return (
        f"The sampled picture ({size[1]} x {size[0]} pixels) has another shape than the one on "
        f"which instance {', '.join(others)} was drawn: the region is stretched, and lies beside "
        "its object if the picture was cropped. Put Fit Regions between them."
    )
