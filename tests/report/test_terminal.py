import pytest
from rich.console import Console

from pruneproof.report.terminal import print_record
from pruneproof.report.wording import SCALES, SYMBOLS, claim_groups, counts_sentence


def shown(record, width):
    console = Console(width=width, force_terminal=False, color_system=None)
    with console.capture() as capture:
        print_record(record, console)
    return capture.get()


def flat(text):
    return " ".join(text.split())


def judged(record):
    return [claim for group in claim_groups(record) for claim in group.judged]


@pytest.mark.parametrize("width", [60, 80, 119, 120, 160, 240])
def test_no_line_is_wider_than_the_terminal(small, variant, twins, tiny_record, width):
    for each in (small, variant, twins, tiny_record):
        assert max(map(len, shown(each, width).splitlines())) <= width


@pytest.mark.parametrize("width", [80, 160])
def test_every_claim_shows_verdict_symbol_and_place_without_colour(small, width):
    lines = shown(small, width).splitlines()
    for claim in judged(small):
        line = next(line for line in lines if f" {claim.id} " in f"{line} " and line[0] in SYMBOLS.values())
        assert line.startswith(f"{SYMBOLS[claim.verdict]} {claim.verdict}")


def test_nothing_is_cut_off_in_a_narrow_terminal(small):
    text = flat(shown(small, 80))
    for claim in judged(small):
        assert flat(claim.text) in text
        assert flat(claim.reason) in text
        assert flat(claim.reported) in text
    assert counts_sentence(small) in text


def test_claims_that_were_not_run_are_gathered_by_reason(small):
    waiting = next(claim for claim in small.claims if claim.verdict == "not-run")
    claims = tuple(waiting.model_copy(update={"id": f"r{number}"}) for number in (9, 10, 11))
    text = flat(shown(small.model_copy(update={"claims": claims}), 80))
    assert f"not-run 3 claims {waiting.reason}: r9, r10, r11" in text
    assert text.count(waiting.reason) == 1


def test_kinds_are_told_apart_in_order_and_the_statistical_one_says_its_scale(small):
    text = shown(small, 160)
    places = [text.index(f"{title} claims") for title in ("Printed", "Mechanism", "Re-run")]
    assert places == sorted(places)
    assert "Re-run claims, profile mini, small scale" in text
    assert "Printed claims, profile" not in text


def test_small_scale_evidence_is_called_so(small):
    assert SCALES["small"] in flat(shown(small, 80))
    assert "not the paper's own scale" not in flat(shown(small.model_copy(update={"scale": "paper"}), 80))


@pytest.mark.parametrize("width", [80, 240])
def test_a_variant_shows_the_metrics_that_fit_and_names_the_others(variant, width):
    text = flat(shown(variant, width))
    assert "no claim is judged" in text
    assert "95 %" in text
    assert "accuracy (%)" in text
    assert not any(f"{SYMBOLS[verdict]} {verdict}" in text for verdict in SYMBOLS)
    assert ("Also measured, in results.csv" in text) == (width == 80)
    assert "macs-pruned" in text


def test_markup_in_a_claim_is_printed_as_it_is(small):
    odd = small.claims[0].model_copy(update={"text": "[bold red]not markup[/bold red] [/x]"})
    assert odd.text in flat(shown(small.model_copy(update={"claims": (odd,)}), 80))
