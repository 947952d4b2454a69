import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pruneproof.report.latex import claims_latex, escape

COMMAND = re.compile(r"\\[A-Za-z]+\{\}|\$[^$]+\$|\\[#$%&_{}]")
ACCENTED = "".join(map(chr, range(0xA1, 0x180)))
DOCUMENT = r"""\documentclass{{article}}
\usepackage[T1]{{fontenc}}
\usepackage{{amsmath,booktabs,longtable,textcomp}}
\begin{{document}}
{}
\end{{document}}
"""


@given(st.text())
def test_nothing_in_a_text_is_a_command_and_every_character_is_known(text):
    rest = COMMAND.sub("", escape(text)).replace("-{}-", "")
    assert not set(rest) & set('\\{}#$%&_^<>|"`')
    assert all(" " <= char <= "~" or (char.isalpha() and char <= "\u017e") for char in rest)
    assert "--" not in rest


@given(st.text("aZ5 .,:;()[]+-*/=!?@'é"))
def test_plain_text_stays_as_it_is(text):
    assert escape(text).replace("-{}-", "--").replace("-{}", "-") == text


def test_judged_claims_are_rows_of_four_columns(record):
    table = claims_latex(record, record.claims)
    rows = [line for line in table.split("\\endfoot\n")[1].splitlines() if line.endswith(r"\\")]
    assert len(rows) == sum(claim.verdict != "not-run" for claim in record.claims)
    assert all(len(re.findall(r"(?<!\\)&", row)) == 3 for row in rows)
    assert "r6-gradual-high: At high sparsity (98\\%)" in table
    assert "small scale" in table


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("extra", ["", '±·×≤θ‖²σᵀηκε⊙τΔΣ∅→ \\ {} # $ % & _ ~ ^ < > | " ` é ß 一 – — “x”'])
def test_the_table_compiles(record, tmp_path, extra):
    claims = [claim.model_copy(update={"text": claim.text + extra}) for claim in record.claims]
    (tmp_path / "page.tex").write_text(DOCUMENT.format(claims_latex(record, claims)), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert found.returncode == 0, found.stdout[-2000:]
    assert (tmp_path / "page.pdf").stat().st_size > 10_000
