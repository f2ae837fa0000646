"""Which pictures a folder holds, and which regions belong to each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
REGIONS = (".json", ".csv")
SHARED = "regions"
"""The name of the regions' file in a folder that holds one picture."""


@dataclass(frozen=True)
class Found:
    """A picture, and the files that may hold its regions; none or several are a fault.

    Attributes:
        name: its path in the folder without its suffix; results are called so.
    """

    name: str
    picture: Path
    regions: tuple[Path, ...]


def find_pictures(folder: Path, out: Path | None = None) -> list[Found]:
    """Every picture of a folder and of the folders in it, by name.

    Args:
        out: a folder in it to leave out: that of the results.

    Raises:
        ValueError: no such folder, no picture in it, or two whose results would have one name.
    """
    if not folder.is_dir():
        raise ValueError(f"IN={folder} must be a folder of pictures; there is none.")
    files = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in PICTURES)
    pictures = [path for path in files if path.is_file() and not _within(path, out)]
    if not pictures:
        raise ValueError(f"IN={folder} holds no picture ({', '.join(PICTURES)}).")
    found = [
        Found(
            path.relative_to(folder).with_suffix("").as_posix(), path, _regions_of(path, pictures)
        )
        for path in pictures
    ]
    _refuse_doubles(found)
    return found


def read_inputs(found: Found) -> dict[str, object]:
    """What a worker gets: the bytes of the picture, the text of its regions.

    Raises:
        ValueError: no regions, or several files of them.
    """
    if len(found.regions) != 1:
        names = " and ".join(path.name for path in found.regions) or "nothing"
        stem = found.picture.stem
        raise ValueError(
            f"one file of regions is needed beside it, {stem}.json (as Save Regions writes it) or "
            f"{stem}.csv (old text, new text, box), got {names}."
        )
    (regions,) = found.regions
    return {
        "name": found.name,
        "picture": found.picture.read_bytes(),
        "regions": regions.read_bytes(),
        "kind": regions.suffix.lower(),
    }


def stamp_of(found: Found) -> list[list[int]]:
    """Size and time of the files, by which a changed one is known."""
    stats = [path.stat() for path in (found.picture, *found.regions)]
    return [[stat.st_size, stat.st_mtime_ns] for stat in stats]


def _regions_of(picture: Path, pictures: Sequence[Path]) -> tuple[Path, ...]:
    own = [picture.with_suffix(suffix) for suffix in REGIONS]
    alone = sum(other.parent == picture.parent for other in pictures) == 1
    shared = [picture.parent / f"{SHARED}{suffix}" for suffix in REGIONS] if alone else []
    return tuple(dict.fromkeys(path for path in (*own, *shared) if path.is_file()))


def _within(path: Path, folder: Path | None) -> bool:
    return folder is not None and path.resolve().is_relative_to(folder.resolve())


def _refuse_doubles(found: Sequence[Found]) -> None:
    seen: dict[str, Path] = {}
    for one in found:
        if one.name in seen:
            raise ValueError(
                f"{seen[one.name]} and {one.picture} would give one result: rename one of them."
            )
        seen[one.name] = one.picture
