"""How long the fuzz tests look: a fixed share in a test run, without end in `make fuzz`."""

import os

from hypothesis import HealthCheck, settings

ROUNDS = int(os.environ.get("FUZZ", "0"))


def draws(count: int, steps: int = 8) -> settings:
    """``count`` draws, always the same; under `make fuzz` FUZZ times as many, new at every run."""
    return settings(
        max_examples=count * max(ROUNDS, 1),
        stateful_step_count=steps,
        derandomize=not ROUNDS,
        print_blob=bool(ROUNDS),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
