"""`repro check`: one line per law, a summary, and an exit status."""

import os
import subprocess
import sys
from textwrap import dedent

import pytest

BROKEN = """
    from pruneproof.api import Criterion, Source, hookimpl

    def signed(weights):
        return dict(weights)

    @hookimpl
    def pruneproof_criteria():
        return [Criterion("signed", signed, Source("A", 2026, "B"), laws=frozenset({"sign-invariant"}))]
"""


def test_a_criterion_that_conforms_gets_one_line_per_law_a_summary_and_status_0(repro):
    found = repro("check", "criterion", "random", "--quick")
    assert found.status == 0
    lines = found.out.splitlines()
    assert lines[0] == "criterion random"
    assert "  ✓ shapes-and-names" in lines
    assert any(line.startswith("  x hidden-units-equivariant: fails as declared, each place") for line in lines)
    assert lines[-1] == "  20 held, 1 failed as declared, 7 not claimed"


def test_a_skip_names_its_reason(repro):
    assert "  - seed-used: skipped, it does not ask for rng" in repro("check", "criterion", "magnitude", "--quick").out


def test_a_broken_law_ends_with_1_and_says_what_to_do(install, repro):
    install("signed", BROKEN)
    found = repro("check", "criterion", "signed", "magnitude", "--quick")
    assert found.status == 1
    assert "  ✗ sign-invariant\n      law: S(ε ⊙ w) = S(w)" in found.out
    assert "      do: repair the function" in found.out
    assert "criterion magnitude" in found.out


def test_a_plugin_of_one_file_can_be_checked(tmp_path, repro):
    file = tmp_path / "mine.py"
    file.write_text(dedent(BROKEN), encoding="utf-8")
    assert repro("check", "criterion", "signed", "--plugin", file, "--quick").status == 1


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("schedule", "cubic"),
        ("allocation", "erk"),
        ("structure", "filter"),
        ("floor", "count"),
        ("counting-rule", "synflow"),
        ("model", "mlp"),
        ("mask-search", "edge-popup"),
        ("transform", "shuffle-globally"),
        ("regularizer", "greg-1"),
        ("learning-rate-schedule", "cosine"),
        ("metric", "sparsity"),
    ],
)
def test_any_kind_can_be_checked_as_json(repro, kind, name):
    (report,) = repro("check", kind, name, "--quick", "--json").json
    assert (report["kind"].replace(" ", "-"), report["id"], report["conforms"]) == (kind, name, True)
    assert {each["status"] for each in report["findings"]} == {"holds"}


def test_an_unknown_name_is_refused_with_the_nearest(repro):
    found = repro("check", "criterion", "magnitud")
    assert found.status == 64
    assert 'criterion "magnitud" is not known. Nearest: "magnitude"' in found.err


def test_an_unknown_kind_is_refused_with_the_nearest(repro):
    found = repro("check", "updates", "rigl")
    assert found.status == 64
    assert 'kind "updates" is not known. Nearest: "update"' in found.err


def test_nothing_is_left_in_the_folder_where_it_is_called(tmp_path):

    here = tmp_path / "here"
    here.mkdir()
    code = "from pruneproof.cli import main; main()"
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-c", code, "check", "schedule", "linear", "--quick"]
    assert subprocess.run(command, cwd=here, env=environment, capture_output=True, check=False).returncode == 0
    assert list(here.iterdir()) == []
