"""What copies and kernel calls cost on a kind of device."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DeviceCosts:
    """How a bias is cut into kernel calls.

    Attributes:
        copy_bytes: queries, keys and results copied at a time. Accelerators need many heads at
            once to be busy.
        part_pairs: a tile of the bias is filled this many query-key pairs at a time, so that
            filling it takes little memory beside it. None fills it at once: accelerators have the
            memory, and each part costs them kernel launches.
        call_pairs: a kernel call costs about as much as this many query-key pairs (estimated).
        key_multiple: a call gets a multiple of this many keys, further ones shut.
        whole_tokens: up to so many tokens the whole bias is used where that costs least.
    """

    copy_bytes: int
    part_pairs: int | None
    call_pairs: int
    key_multiple: int = 1
    whole_tokens: int = 0


CPU = DeviceCosts(copy_bytes=4 << 20, part_pairs=1 << 18, call_pairs=1 << 14, whole_tokens=2560)
REST = DeviceCosts(copy_bytes=4 << 20, part_pairs=1 << 18, call_pairs=1 << 16, key_multiple=16)
"""On a CPU, of the few keys that are left beside shared ones: a call costs more than its pairs, and
torch's kernel, which takes 16 keys at a time, is slow with what is left of them (measured)."""
ACCELERATOR = DeviceCosts(copy_bytes=64 << 20, part_pairs=None, call_pairs=1 << 18)


def device_costs(device_type: str) -> DeviceCosts:
    """The costs on a torch device of this type."""
    return CPU if device_type == "cpu" else ACCELERATOR
