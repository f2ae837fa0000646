"""One instruction per line, as typed into a text field."""


def instruction_lines(text: str, count: int, things: str) -> list[str]:
    """One instruction per line, or one line for all; blank lines at the end do not count.

    Args:
        count: how many are needed.
        things: what they belong to, for the error, e.g. "masks".

    Raises:
        ValueError: more or fewer lines than needed.
    """
    lines = [line.strip() for line in text.strip().splitlines()]
    if len(lines) == 1 and lines[0]:
        return lines * count
    if len(lines) != count:
        raise ValueError(
            f"one instruction per line is needed, in the order of the {things}, or one line for "
            f"all of them: got {len(lines)} lines for {count} {things}."
        )
    return lines
