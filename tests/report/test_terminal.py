import pytest
from rich.console import Console

from pruneproof.papers.record import Record
from pruneproof.report.terminal import print_record
from pruneproof.report.wording import SCALES, SYMBOLS, counts_sentence, judged


def shown(record: Record, width: int) -> str:
    console = Console(width=width, force_terminal=False, color_system=None)
    with console.capture() as capture:
        print_record(record, console)
    return capture.get()


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("width", [60, 80, 119, 120, 160, 240])
def test_no_line_is_wider_than_the_terminal(record: Record, variant: Record, width: int) -> None:
    for each in (record, variant):
        assert max(map(len, shown(each, width).splitlines())) <= width


@pytest.mark.parametrize("width", [80, 160])
def test_every_claim_shows_verdict_symbol_and_place_without_colour(record: Record, width: int) -> None:
    lines = shown(record, width).splitlines()
    for claim in judged(record.claims):
        line = next(line for line in lines if f" {claim.id} " in f"{line} ")
        assert line.startswith(f"{SYMBOLS[claim.verdict]} {claim.verdict}")


def test_nothing_is_cut_off_in_a_narrow_terminal(record: Record) -> None:
    text = flat(shown(record, 80))
    for claim in judged(record.claims):
        assert claim.text in text
        assert claim.reason in text
        assert claim.reported in text
    assert counts_sentence(record) in text


def test_claims_that_were_not_run_are_gathered_by_reason(record: Record) -> None:
    waiting = record.claims[-1]
    more = tuple(waiting.model_copy(update={"id": f"r{number}"}) for number in (10, 11))
    text = flat(shown(record.model_copy(update={"claims": record.claims + more}), 80))
    assert f"not-run 3 claims {waiting.reason}: r9, r10, r11" in text
    assert text.count(waiting.reason) == 1


def test_kinds_are_told_apart_in_order(record: Record) -> None:
    text = shown(record, 160)
    places = [text.index(f"{title} claims") for title in ("Printed", "Mechanism", "Re-run")]
    assert places == sorted(places)
    assert "Re-run claims, profile mini" in text


def test_small_scale_evidence_is_called_so(record: Record) -> None:
    assert SCALES["small"] in flat(shown(record, 80))
    assert "not the paper's own scale" not in flat(shown(record.model_copy(update={"scale": "paper"}), 80))


def test_a_variant_shows_results_and_no_verdicts(variant: Record) -> None:
    text = flat(shown(variant, 100))
    assert "no claim is judged" in text
    assert "99 %" in text
    assert not any(f"{SYMBOLS[verdict]} {verdict}" in text for verdict in SYMBOLS)


def test_markup_in_a_claim_is_printed_as_it_is(record: Record) -> None:
    odd = record.claims[0].model_copy(update={"text": "[bold red]not markup[/bold red] [/x]"})
    assert odd.text in flat(shown(record.model_copy(update={"claims": (odd,)}), 80))
