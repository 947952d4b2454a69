"""Write the tables of docs/statistics.md anew by simulation: `make statistics`, about a minute.

A table stands between `<!-- table: NAME -->` and `<!-- end of table -->`. The random streams are fixed.
"""

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from pruneproof.claim_tests.catalogue import CLAIM_TESTS

PAGE = Path(__file__).parent / "statistics.md"
TABLE = re.compile(r"(<!-- table: (?P<name>[\w-]+) -->\n).*?(<!-- end of table -->)", re.DOTALL)
TESTS = {test.id: test for test in CLAIM_TESTS}
SEEDS = (3, 5, 8, 10)
NOMINAL = 0.05
"""Error rate of each wrong verdict, the default of every claim test."""

Array = NDArray[np.float64]
Rng = np.random.Generator


def _mixture(rng: Rng, shape: tuple[int, ...]) -> Array:
    """Four fifths trained networks with a spread of 1, one fifth collapsed, 30 below; the median moved to 0."""
    return np.where(rng.random(shape) < 0.8, rng.normal(size=shape), -30.0) + float(stats.norm.ppf(0.625))


def _even(rng: Rng, shape: tuple[int, ...]) -> Array:
    """Half trained, half collapsed: the bound lies between the two."""
    return np.where(rng.random(shape) < 0.5, 15.0, -15.0) + rng.normal(size=shape)


NOISE: Mapping[str, Callable[[Rng, tuple[int, ...]], Array]] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "skewed up": lambda rng, shape: rng.exponential(size=shape) - np.log(2),
    "skewed down": lambda rng, shape: np.log(2) - rng.exponential(size=shape),
    "lognormal": lambda rng, shape: 1 - rng.lognormal(size=shape),
    "heavy": lambda rng, shape: rng.standard_t(3, size=shape),
    "discrete": lambda rng, shape: np.floor(2 * rng.normal(size=shape)) / 2 + 0.25,
    "mixture": _mixture,
    "even mixture": _even,
}
"""Seeds of median 0, by name: spreads of about 1, `discrete` in steps of 1/2."""


@dataclass(frozen=True)
class Case:
    """A truth on the edge of a claim, where one verdict is wrong."""

    test: str
    wrong: tuple[str, ...]
    """The verdicts that are wrong there."""
    parameters: Mapping[str, Any]
    draw: Callable[[Rng, Callable[[tuple[int, ...]], Array], int], Array]
    """(random stream, seeds of median 0 by shape, n) -> samples of shape (operands, seeds)."""
    truth: str
    """What the test judges, and where it lies."""
    kinds: tuple[str, ...] = tuple(NOISE)
    """The kinds of seeds for which it is the truth."""


def _levels(rng: Rng, n: int) -> Array:
    """What paired operands share: seeds differ by much more than methods."""
    return 10 * rng.normal(size=n)


def _pair(rng: Rng, noise: Any, n: int, shift: float = 0.0) -> Array:
    base = _levels(rng, n)
    return np.array([base + shift + noise((n,)), base])


def _crossing(rng: Rng, noise: Any, n: int, second: float) -> Array:
    return np.concatenate([_pair(rng, noise, n), _pair(rng, noise, n, second)[::-1]])


def _chosen(rng: Rng, noise: Any, n: int) -> Array:
    """Three settings for either side, alike up to a trifle; three more seeds choose."""
    pair = _pair(rng, noise, n + 3)
    return np.repeat(pair, 3, axis=0) + 1e-6 * rng.normal(size=(6, n + 3))


def _deviations(rng: Rng, noise: Any, n: int) -> Array:
    """A lies one standard deviation above b; half of either's variance is shared."""
    shared = noise((n + 3,))
    return np.array([shared + noise((n + 3,)) + 2**0.5, shared + noise((n + 3,))])


def _gain(rng: Rng, noise: Any, n: int) -> Array:
    """A lies a quarter of b's gain of 100 over the reference above b."""
    best = _levels(rng, n + 3)
    return np.array([best + 25 + noise((n + 3,)), best, best + 100])


def _shares(rng: Rng, noise: Any, n: int) -> Array:
    """Tuning gains one half in either place."""
    ones = np.ones(n + 3)
    return np.array([100 * ones, 50 * ones - noise((n + 3,)), 10 * ones, 5 * ones])


def _ranks(rng: Rng, noise: Any, n: int) -> Array:
    """Of six methods, τ is above 0.4 in half of the seeds and below in the others."""
    above, below = np.array([0, 2, 1, 3, 4, 5.0]), np.array([5, 1, 2, 3, 4, 0.0])
    y = np.where(noise((n,)) > 0, above[:, None], below[:, None])
    return np.concatenate([np.tile(np.arange(6.0)[:, None], n), y])


def _halves_ranked(rng: Rng, noise: Any, n: int) -> Array:
    """Of eight methods the better half is ranked less alike than the other in half of the seeds, more in the others."""
    alike, unlike = np.arange(4.0), np.array([2.0, 0, 1, 3])
    first = np.where(noise((n,)) > 0, unlike[:, None], alike[:, None])
    second = np.where(first[0] > 0, alike[:, None], unlike[:, None])
    return np.concatenate([np.tile(np.arange(8.0)[:, None], n), first, 4 + second])


def _spreads(rng: Rng, noise: Any, n: int) -> Array:
    before = np.array([np.zeros(n), np.full(n, 10.0)])
    return np.concatenate([before, before * 0.2 * np.exp(0.02 * noise((n,)))])


def _profiles(rng: Rng, noise: Any, n: int) -> Array:
    """Half of the networks have the same 12 layers up to a trifle, the others any."""
    common = np.linspace(0, 1, 12)[:, None] + 0.001 * noise((12, n))
    return np.where(rng.random(n) < 0.5, common, rng.random((12, n)))


BOTH = ("holds", "fails")
CASES = (
    Case("paired-difference", BOTH, {}, _pair, "median difference at the margin"),
    Case(
        "equivalence", BOTH, {"margin": 100.0}, lambda rng, noise, n: _pair(rng, noise, n, 100.0), "median at an edge"
    ),
    Case(
        "distance",
        BOTH,
        {"reported": 0.0, "tolerance": 100.0},
        lambda rng, noise, n: noise((1, n)) + 100.0,
        "median at an edge",
    ),
    Case(
        "threshold",
        BOTH,
        {"relation": ">", "value": 0.0},
        lambda rng, noise, n: noise((1, n)),
        "median at the threshold",
    ),
    Case(
        "sign-change",
        ("holds",),
        {},
        lambda rng, noise, n: _crossing(rng, noise, n, 200.0),
        "one median difference at the margin, the other far above",
    ),
    Case(
        "sign-change",
        ("fails",),
        {},
        lambda rng, noise, n: _crossing(rng, noise, n, 0.0),
        "both median differences at the margin",
    ),
    Case(
        "some-sign-change",
        ("holds",),
        {"pairs": 2},
        lambda rng, noise, n: np.concatenate([_crossing(rng, noise, n, 200.0), _crossing(rng, noise, n, 200.0)]),
        "in both pairs one median difference at the margin, the other far above",
    ),
    Case(
        "some-sign-change",
        ("fails",),
        {"pairs": 2},
        lambda rng, noise, n: np.concatenate([_crossing(rng, noise, n, 0.0), _crossing(rng, noise, n, -200.0)]),
        "both median differences of one pair at the margin, the other pair far from crossing",
    ),
    Case(
        "monotone-trend",
        BOTH,
        {"direction": "increasing"},
        lambda rng, noise, n: noise((4, n)) + _levels(rng, n),
        "four operands without an order",
    ),
    Case("collapse", BOTH, {"expected": True}, lambda rng, noise, n: noise((1, n)), "one half collapsed"),
    Case("repair", BOTH, {}, lambda rng, noise, n: noise((2, n)), "as many repaired as broken"),
    Case("agreement", BOTH, {"at_least": 0.98}, _profiles, "one half agree"),
    Case("chosen-difference", BOTH, {"first": 3, "choosing": 3}, _chosen, "median difference at the margin"),
    Case(
        "chosen-difference",
        BOTH,
        {"first": 1, "choosing": 3, "margin": -1.0, "margin_in_deviations": True},
        _deviations,
        "median difference at a margin of one standard deviation",
        kinds=("normal",),
    ),
    Case(
        "chosen-equivalence",
        BOTH,
        {"first": 1, "second": 1, "choosing": 3, "share": 0.25},
        _gain,
        "median share of the gain at an edge",
    ),
    Case("relative-gain", BOTH, {"first": 2, "choosing": 3}, _shares, "equal median shares"),
    Case("rank-correlation", BOTH, {"within": 0.4}, _ranks, "median τ at an edge", kinds=("normal", "even mixture")),
    Case("spread-ratio", BOTH, {"at_most": 0.2}, _spreads, "median ratio at the bound"),
    Case(
        "crossed-recipes",
        ("holds",),
        {"expected": "first"},
        lambda rng, noise, n: np.concatenate([_pair(rng, noise, n), _pair(rng, noise, n, 200.0)]),
        "A above B: one median difference at the margin, the other far above",
    ),
    Case(
        "crossed-recipes",
        ("fails",),
        {"expected": "first"},
        lambda rng, noise, n: _crossing(rng, noise, n, 0.0),
        "A above B: both median differences at the margin",
    ),
    Case(
        "crossed-recipes",
        ("holds",),
        {"expected": "tie", "margin": 100.0},
        lambda rng, noise, n: np.concatenate([_pair(rng, noise, n, 100.0), _pair(rng, noise, n)]),
        "a tie: one median difference at an edge, the other within",
    ),
    Case(
        "crossed-recipes",
        ("fails",),
        {"expected": "tie", "margin": 100.0},
        lambda rng, noise, n: np.concatenate([_pair(rng, noise, n, 100.0), _pair(rng, noise, n, 100.0)]),
        "a tie: both median differences at an edge",
    ),
    Case(
        "crossed-recipes",
        ("holds",),
        {"expected": "interaction"},
        lambda rng, noise, n: _crossing(rng, noise, n, 200.0),
        "an interaction: one median difference at the margin, the other far on its other side",
    ),
    Case(
        "crossed-recipes",
        ("fails",),
        {"expected": "interaction"},
        lambda rng, noise, n: _crossing(rng, noise, n, 0.0),
        "an interaction: both median differences at the margin",
    ),
    Case(
        "paired-difference",
        ("absent",),
        {"effect": 1.0},
        lambda rng, noise, n: _pair(rng, noise, n, 1.0),
        "median difference as large as the effect, the margin 0",
    ),
    Case(
        "local-correlation",
        BOTH,
        {"best": 0.5},
        _halves_ranked,
        "median difference of τ at the margin",
        kinds=("normal", "even mixture"),
    ),
)
"""One truth on the edge of every claim test."""


def wrong_verdicts(case: Case, noise: str, n: int, runs: int) -> dict[str, float]:
    """Return how often each wrong verdict is given, through the test's own `decide`."""
    rng = np.random.default_rng([n, list(NOISE).index(noise), CASES.index(case)])
    decide = TESTS[case.test].decide
    seen: dict[bytes, str] = {}  # some truths have few different samples
    found = []
    for _ in range(runs):
        samples = case.draw(rng, lambda shape: NOISE[noise](rng, shape), n)
        key = samples.tobytes()
        if key not in seen:
            seen[key] = decide(samples, **case.parameters).verdict
        found.append(seen[key])
    return {verdict: found.count(verdict) / runs for verdict in case.wrong}


def worst_rates(case: Case, runs: int, seeds: Sequence[int] = SEEDS) -> dict[str, list[float]]:
    """Return the largest rate over the kinds of seeds of each wrong verdict, by n."""
    rates = [[wrong_verdicts(case, noise, n, runs) for noise in case.kinds] for n in seeds]
    return {verdict: [max(each[verdict] for each in of_n) for of_n in rates] for verdict in case.wrong}


def error_table(runs: int = 400) -> str:
    """Return the largest rate over the kinds of seeds of each wrong verdict, in %, by test and n."""
    lines = ["| test | truth on its edge | wrong verdict | " + " | ".join(f"n = {n}" for n in SEEDS) + " |"]
    lines.append("|---|---|---|" + "---:|" * len(SEEDS))
    for case in CASES:
        for verdict, rates in worst_rates(case, runs).items():
            cells = " | ".join(f"{100 * rate:.1f}" for rate in rates)
            lines.append(f"| `{case.test}` | {case.truth} | `{verdict}` | {cells} |")
    return "\n".join(lines)


def power_table(runs: int = 400) -> str:
    """Return how often claims that are true hold, in %, for normal seeds with a standard deviation of 1."""
    seeds = (5, 6, 8, 10, 11, 13, 16, 20)
    rows: list[tuple[str, str, dict[str, Any], Callable[[Rng, int], Array]]] = [
        (
            "paired-difference",
            f"difference of {size:g}",
            {},
            lambda rng, n, size=size: np.array([rng.normal(size, 1, n), np.zeros(n)]),
        )
        for size in (0.5, 1.0, 2.0)
    ]
    rows += [
        (
            "equivalence",
            f"no difference, margin of {margin:g}",
            {"margin": margin},
            lambda rng, n: np.array([rng.normal(0, 1, n), np.zeros(n)]),
        )
        for margin in (1.0, 2.0, 4.0)
    ]
    rows += [
        (
            "collapse",
            f"{100 * share:.0f} % collapsed",
            {"expected": True},
            lambda rng, n, share=share: (rng.random((1, n)) < share).astype(float),
        )
        for share in (0.8, 0.95)
    ]
    rows.append(
        (
            "monotone-trend",
            "four operands, 0.5 apart",
            {"direction": "increasing"},
            lambda rng, n: rng.normal(size=(4, n)) + 0.5 * np.arange(4)[:, None],
        )
    )
    lines = ["| test | truth | " + " | ".join(f"n = {n}" for n in seeds) + " |", "|---|---|" + "---:|" * len(seeds)]
    for place, (test, truth, parameters, draw) in enumerate(rows):
        cells = []
        for n in seeds:
            rng = np.random.default_rng([place, n])
            held = sum(TESTS[test].decide(draw(rng, n), **parameters).verdict == "holds" for _ in range(runs))
            cells.append(f"{100 * held / runs:.0f}")
        lines.append(f"| `{test}` | {truth} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _t_rejects(x: Array) -> NDArray[np.bool_]:
    n = x.shape[1]
    return x.mean(axis=1) > stats.t.ppf(1 - NOMINAL, n - 1) * x.std(axis=1, ddof=1) / n**0.5


def _flips_reject(x: Array) -> NDArray[np.bool_]:
    """Sign flips of the mean: the share of the 2^n flipped means that reach the observed one."""
    flips = np.array(list(itertools.product((1.0, -1.0), repeat=x.shape[1])))
    return ((x @ flips.T) >= x.sum(axis=1, keepdims=True) - 1e-9).mean(axis=1) <= NOMINAL


def _ranks_reject(x: Array) -> NDArray[np.bool_]:
    """Wilcoxon's signed ranks."""
    ranks = stats.rankdata(np.abs(x), axis=1)
    return _flips_reject(np.sign(x) * ranks)


def _signs_reject(x: Array) -> NDArray[np.bool_]:
    return stats.binom.sf((x > 0).sum(axis=1) - 1, x.shape[1], 0.5) <= NOMINAL


def _rejects_both(x: Array) -> NDArray[np.bool_]:
    return _t_rejects(x) & _flips_reject(x)


CANDIDATES: Mapping[str, Callable[[Array], NDArray[np.bool_]]] = {
    "Student's t": _t_rejects,
    "sign flips of the mean": _flips_reject,
    "t and sign flips agree": _rejects_both,
    "signed ranks": _ranks_reject,
    "sign test (chosen)": _signs_reject,
}


def candidate_table(runs: int = 4000) -> str:
    """Return how often each test of "above 0" rejects where its quantity is 0, and for normal seeds around 1, in %."""
    mean_of = {"normal": 0.0, "skewed down": np.log(2) - 1, "lognormal": 1 - np.exp(0.5), "mixture": None}
    heads = [*(f"mean 0, {name}" for name in mean_of), "median 0, worst", "normal, mean 1"]
    lines = ["| test | n | " + " | ".join(heads) + " |", "|---|---:|" + "---:|" * len(heads)]
    for place, (name, rejects) in enumerate(CANDIDATES.items()):
        for n in (5, 8, 10):
            rng = np.random.default_rng([place, n])
            means = []
            for noise, mean in mean_of.items():
                x = NOISE[noise](rng, (runs, n))
                centre = float(stats.norm.ppf(0.625)) - 6.0 if mean is None else mean
                means.append(float(rejects(x - centre).mean()))
            medians = max(float(rejects(noise(rng, (runs, n))).mean()) for noise in NOISE.values())
            power = float(rejects(rng.normal(1, 1, (runs, n))).mean())
            cells = " | ".join(f"{100 * rate:.1f}" for rate in (*means, medians, power))
            lines.append(f"| {name} | {n} | {cells} |")
    return "\n".join(lines)


TABLES: Mapping[str, Callable[[], str]] = {
    "candidates": candidate_table,
    "errors": error_table,
    "power": power_table,
}


def updated(text: str) -> str:
    """Return the page's text with its tables made anew."""

    def anew(match: re.Match[str]) -> str:
        return f"{match[1]}\n{TABLES[match['name']]()}\n\n{match[3]}"

    return TABLE.sub(anew, text)


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
