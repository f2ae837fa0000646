"""A folder of training samples: NAME.png, NAME.edited.png and NAME.json for each.

docs/training.md describes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image, ImageOps
from torch import Tensor

from .drawn_regions import regions_of
from .fit import Size, fit_regions, multiple_crop
from .fit import shown as shown_size
from .json_fields import shown
from .naming import instance_name
from .regions import InstanceRegion
from .regions_json import read_regions_json

PICTURES = (".png", ".jpg", ".jpeg", ".webp")
EDITED, REGIONS = ".edited", ".json"
FORM = f"NAME.png, NAME{EDITED}.png and NAME{REGIONS}"
TOKEN = 16
"""Pixels of a token: a training picture is cropped to whole ones."""


class SampleFiles(NamedTuple):
    """The files of one sample."""

    name: str
    picture: Path
    edited: Path
    regions: Path


@dataclass(frozen=True)
class Sample:
    """One sample: what is edited, what it shall become, and where which instruction acts.

    Attributes:
        picture, edited: (1, H, W, 3) float in [0, 1]; sides are multiples of 16.
    """

    name: str
    picture: Tensor
    edited: Tensor
    regions: tuple[InstanceRegion, ...]

    @property
    def size(self) -> Size:
        """(H, W) in pixels."""
        return self.picture.shape[1], self.picture.shape[2]


def find_samples(folder: Path) -> tuple[SampleFiles, ...]:
    """The samples of a folder, by their names. Other files than pictures and regions are left.

    Raises:
        ValueError: no such folder, no sample, a file that is missing, doubled or a link to a place
            outside of the folder.
    """
    if not folder.is_dir():
        raise ValueError(f"the training folder must be a folder, got {shown(str(folder))}.")
    pictures, edited = _pictures_of(folder)
    regions = {
        path.name[: -len(REGIONS)]: path for path in folder.iterdir() if path.name.endswith(REGIONS)
    }
    names = sorted({*pictures, *edited, *regions})
    if not names:
        raise ValueError(
            f"the training folder {shown(str(folder))} holds no sample: each needs {FORM}."
        )
    samples: list[SampleFiles] = []
    for name in names:
        missing = [
            wanted
            for wanted, files in (
                (f"{name}.png", pictures),
                (f"{name}{EDITED}.png", edited),
                (f"{name}{REGIONS}", regions),
            )
            if name not in files
        ]
        if missing:
            raise ValueError(
                f"the sample {shown(name)} of the training folder lacks {' and '.join(missing)}: "
                f"each sample needs {FORM}. Add it, or remove the sample's other files."
            )
        samples.append(SampleFiles(name, pictures[name], edited[name], regions[name]))
    _refuse_outside(folder, samples)
    return tuple(samples)


def _pictures_of(folder: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """Pictures and edited pictures by the samples' names."""
    pictures: dict[str, Path] = {}
    edited: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in PICTURES:
            continue
        stem = path.name[: -len(path.suffix)]
        files = edited if stem.endswith(EDITED) else pictures
        name = stem.removesuffix(EDITED)
        if name in files:
            raise ValueError(
                f"the sample {shown(name)} of the training folder has two pictures for one, "
                f"{files[name].name} and {path.name}: remove one of them."
            )
        files[name] = path
    return pictures, edited


def _refuse_outside(folder: Path, samples: Sequence[SampleFiles]) -> None:
    inside = folder.resolve()
    for sample in samples:
        for path in sample[1:]:
            if not path.resolve().is_relative_to(inside):
                raise ValueError(
                    f"{path.name} of the training folder is a link to a place outside of it: copy "
                    "the file into the folder."
                )


def read_sample(files: SampleFiles) -> Sample:
    """One sample, cropped in the middle to whole tokens as Multi-Prompt Encode does.

    Raises:
        ValueError: a file that cannot be read, pictures of different sizes, or regions of no use.
    """
    picture, edited = _read_picture(files.picture), _read_picture(files.edited)
    size = (picture.shape[1], picture.shape[2])
    if edited.shape != picture.shape:
        raise ValueError(
            f"{files.edited.name} must be as large as {files.picture.name} "
            f"({shown_size(size)}), got {shown_size((edited.shape[1], edited.shape[2]))}: scale it."
        )
    regions = _read_regions(files.regions, size)
    (top, left), after = multiple_crop(size, TOKEN)
    if 0 in after:
        raise ValueError(
            f"{files.picture.name} must be at least {TOKEN} x {TOKEN} pixels, got "
            f"{shown_size(size)}."
        )
    fitted = fit_regions(regions, size, after, "tile", (top, left))
    if len(fitted) < len(regions):
        raise ValueError(
            f"{files.regions.name}: a region lies wholly in the border that is cropped when "
            f"{shown_size(size)} become {shown_size(after)}. Move it inwards, or remove it."
        )
    kept = (slice(None), slice(top, top + after[0]), slice(left, left + after[1]))
    return Sample(files.name, picture[kept], edited[kept], fitted)


def _read_picture(path: Path) -> Tensor:
    """(1, H, W, 3), turned as its EXIF says."""
    try:
        opened: Image.Image = Image.open(path)
        turned = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, Image.DecompressionBombError) as broken:
        raise ValueError(f"{path.name} cannot be read as a picture ({broken}).") from None
    values = torch.frombuffer(bytearray(turned.tobytes()), dtype=torch.uint8)
    return values.view(1, turned.height, turned.width, 3).float() / 255


def _read_regions(path: Path, size: Size) -> tuple[InstanceRegion, ...]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path.name} must be a text in UTF-8.") from None
    regions = regions_of(read_regions_json(text, path.name), path.name, size)
    if not regions:
        raise ValueError(f"{path.name} holds no instance: draw at least one.")
    for number, region in enumerate(regions, start=1):
        where = f"{path.name}, {instance_name(number, region.label)}"
        if not region.instruction:
            raise ValueError(f"{where} has no instruction: write what happens there.")
        if region.reference:
            raise ValueError(
                f"{where} has a reference image of its own, number {region.reference + 1}, but a "
                "training sample has one picture. Set its 'reference' to null."
            )
    return regions
