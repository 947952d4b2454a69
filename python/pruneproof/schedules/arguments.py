"""What every schedule is given: a target sparsity and a number of steps."""

from pruneproof.api import BadConfig


def check_arguments(schedule: str, target: float, steps: int) -> None:
    """Check the two arguments of the schedule with the id `schedule`.

    Raises:
        BadConfig: `target` lies outside [0, 1) or `steps` is below 1.
    """
    if not 0.0 <= target < 1.0:
        raise BadConfig(f'schedule "{schedule}" got the target sparsity {target}: a fraction in [0, 1) was expected.')
    if steps < 1:
        raise BadConfig(f'schedule "{schedule}" got {steps} steps: at least 1 was expected.')
