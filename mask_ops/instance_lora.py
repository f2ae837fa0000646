"""RegionLora: a LoRA that acts on the tokens of one instance alone."""

import math
from dataclasses import dataclass

LARGEST_RING = 8


@dataclass(frozen=True)
class RegionLora:
    """Which file acts on an instance, and how much. It holds no weights.

    Attributes:
        file: its name in ComfyUI's folder ``loras``.
        image: strength on the instance's picture tokens, latent and references; 1 is the file's.
        text: strength on the tokens of its instruction.
        ring: tokens around its mask over which the strength falls off; 0: none.
        sha256: of the file when it was chosen; "": whatever the file holds.
    """

    file: str
    image: float = 1.0
    text: float = 1.0
    ring: int = 0
    sha256: str = ""

    def __post_init__(self) -> None:
        if not self.file:
            raise ValueError("a LoRA needs the name of its file in the folder 'loras'.")
        for name in ("image", "text"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(
                    f"a LoRA's strength must be finite (0 is none), got {getattr(self, name)}."
                )
        if not 0 <= self.ring <= LARGEST_RING:
            raise ValueError(f"ring must be 0 to {LARGEST_RING} tokens, got {self.ring}.")

    @property
    def acts(self) -> bool:
        """True unless both of its strengths are 0."""
        return bool(self.image or self.text)
