"""The instruction language: ``replace the [colour] shape [at location] with a colour shape``,
joined by ``and``.

A clause edits every object its description matches; clauses sampled for one prompt never match a
common object.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from .scenes import CELLS, Edits, Scenes
from .shapes import COLOUR_NAMES, LOCATIONS, SHAPES

DESCRIPTIONS = (
    (False, False),
    (True, False),
    (False, True),
    (True, True),
)  # (name the colour, name the place)


@dataclass(frozen=True)
class Clause:
    """One instruction as indices into SHAPES, COLOUR_NAMES and LOCATIONS; None = not mentioned."""

    shape: int
    colour: int | None
    location: int | None
    target_shape: int
    target_colour: int


def article(word: str) -> str:
    """The word with "a" or "an" before it."""
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def phrase(clause: Clause) -> str:
    """The words of one clause, for example "replace the red circle at top left with an orange
    star".
    """
    colour = "" if clause.colour is None else f"{COLOUR_NAMES[clause.colour]} "
    place = "" if clause.location is None else f" at {LOCATIONS[clause.location]}"
    target = article(f"{COLOUR_NAMES[clause.target_colour]} {SHAPES[clause.target_shape]}")
    return f"replace the {colour}{SHAPES[clause.shape]}{place} with {target}"


def prompt(clauses: Sequence[Clause]) -> str:
    """All clauses joined by "and"; the empty string (copy the picture) for none."""
    return " and ".join(phrase(clause) for clause in clauses)


def matches(scenes: Scenes, index: int, clause: Clause) -> list[int]:
    """Cells of scene ``index`` whose object the clause's description fits."""
    shapes, colours = scenes.shape[index].tolist(), scenes.colour[index].tolist()
    return [cell for cell in range(CELLS) if _fits(clause, shapes[cell], colours[cell], cell)]


def _fits(clause: Clause, shape: int, colour: int, cell: int) -> bool:
    return (
        shape == clause.shape
        and clause.colour in (None, colour)
        and clause.location in (None, cell)
    )


def edits_of(scenes: Scenes, clauses: Sequence[Sequence[Clause]]) -> Edits:
    """What the clauses of each scene (one sequence per scene) do to its nine cells."""
    shape, colour = torch.full((2, len(scenes), CELLS), -1).unbind(0)
    for index, row in enumerate(clauses):
        for clause in row:
            for cell in matches(scenes, index, clause):
                shape[index, cell], colour[index, cell] = clause.target_shape, clause.target_colour
    return Edits(shape.clone(), colour.clone())


def clause_for(
    rng: random.Random, shape: int, colour: int, cell: int, name_colour: bool, name_place: bool
) -> Clause:
    """A clause describing the given object, with a random target that differs from it."""
    target_shape, target_colour = shape, colour
    while (target_shape, target_colour) == (shape, colour):
        target_shape, target_colour = rng.randrange(len(SHAPES)), rng.randrange(len(COLOUR_NAMES))
    return Clause(
        shape,
        colour if name_colour else None,
        cell if name_place else None,
        target_shape,
        target_colour,
    )


def sample_clauses(
    scenes: Scenes,
    index: int,
    count: int,
    rng: random.Random,
    unique: bool = False,
    absent: float = 0.0,
) -> list[Clause]:
    """Up to ``count`` clauses for one scene whose matches are disjoint.

    ``unique`` demands that each matches exactly one object; ``absent`` is the probability that a
    clause describes something that is not there (nothing may change then).
    """
    shapes, colours = scenes.shape[index].tolist(), scenes.colour[index].tolist()
    free = [cell for cell in range(CELLS) if shapes[cell] >= 0]
    rng.shuffle(free)
    clauses: list[Clause] = []
    while free and len(clauses) < count:
        if rng.random() < absent:
            missing = _absent_clause(rng, shapes, colours)
            clauses += [missing] if missing else []
            count -= missing is None
            continue
        cell, tries = free[0], list(DESCRIPTIONS)
        rng.shuffle(tries)
        for name_colour, name_place in tries:
            clause = clause_for(rng, shapes[cell], colours[cell], cell, name_colour, name_place)
            hit = [c for c in range(CELLS) if _fits(clause, shapes[c], colours[c], c)]
            if set(hit) <= set(free) and not (unique and len(hit) > 1):
                clauses.append(clause)
                free = [c for c in free if c not in hit]
                break
    rng.shuffle(clauses)
    return clauses


def _absent_clause(rng: random.Random, shapes: list[int], colours: list[int]) -> Clause | None:
    """A clause that matches no object of the scene, None when twenty draws found none."""
    for _ in range(20):
        name_colour, name_place = rng.choice(DESCRIPTIONS)
        shape, colour, cell = (
            rng.randrange(len(SHAPES)),
            rng.randrange(len(COLOUR_NAMES)),
            rng.randrange(CELLS),
        )
        clause = clause_for(rng, shape, colour, cell, name_colour, name_place)
        if not any(_fits(clause, shapes[c], colours[c], c) for c in range(CELLS)):
            return clause
    return None
