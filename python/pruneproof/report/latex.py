r"""A record's claims as a LaTeX table, for a rebuttal or an appendix."""

from collections.abc import Sequence

from pruneproof.papers.record import ClaimRecord, Record
from pruneproof.report.wording import SCALE_NAMES, counts_sentence, figure, spread, standing

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    **{char: rf"\{char}" for char in "#$%&_"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
}
_MATHS = {
    "±": r"\pm", "·": r"\cdot", "×": r"\times", "÷": r"\div", "−": "-", "≤": r"\le", "≥": r"\ge", "≠": r"\ne",
    "≈": r"\approx", "∞": r"\infty", "∑": r"\sum", "∅": r"\emptyset", "→": r"\to", "√": r"\surd", "∈": r"\in",
    "⊙": r"\odot", "‖": r"\|", "²": "^2", "³": "^3", "ᵀ": r"^{\mathsf{T}}", "½": r"\frac12", "°": r"^\circ",
    "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "Δ": r"\Delta", "ε": r"\varepsilon",
    "η": r"\eta", "θ": r"\theta", "κ": r"\kappa", "λ": r"\lambda", "μ": r"\mu", "π": r"\pi", "ρ": r"\rho",
    "σ": r"\sigma", "Σ": r"\Sigma", "τ": r"\tau", "φ": r"\varphi", "Φ": r"\Phi", "ω": r"\omega", "Ω": r"\Omega",
}  # fmt: skip
_PUNCTUATION = {
    "\u2013": r"\textendash{}", "\u2014": r"\textemdash{}", "\u2026": r"\dots{}", "\u00a0": "~",
    "\u2018": r"\textquoteleft{}", "\u2019": "'", "\u201c": r"\textquotedblleft{}", "\u201d": r"\textquotedblright{}",
}  # fmt: skip
_UNKNOWN = "ĦħĸĿŀŉŦŧ"
"""Of the Latin letters with accents, those that the font encoding T1 lacks."""


def escape(text: str) -> str:
    r"""Return text for LaTeX: nothing in it is a command, and pdfLaTeX knows all that is left.

    What has no command here is written by its number, `[U+4E00]`.

    >>> print(escape("50% of a_b ± 2σ"))
    50\% of a\_b $\pm$ 2$\sigma$
    """
    return "".join(map(_escaped, text)).replace("--", "-{}-")  # no ligature makes a dash of two


def _escaped(char: str) -> str:
    if char in _SPECIAL:
        return _SPECIAL[char]
    if char in _MATHS:
        return f"${_MATHS[char]}$"
    if char in _PUNCTUATION:
        return _PUNCTUATION[char]
    if char.isspace():
        return " "
    if " " <= char <= "~" or (char.isalpha() and char <= "\u017e" and char not in _UNKNOWN):
        return char
    return f"[U+{ord(char):04X}]"


def claims_latex(record: Record, claims: Sequence[ClaimRecord]) -> str:
    """Return a `longtable` of claims that were judged: verdict, what is claimed and where, what was found.

    It needs the packages `booktabs`, `longtable` and `textcomp`.
    """
    scale = SCALE_NAMES[record.scale]
    arxiv = f", arXiv {record.arxiv}" if record.arxiv else ""
    caption = (
        f"Claims of ``{escape(record.title)}''{escape(arxiv)}, re-run with pruneproof at the profile "
        rf"\texttt{{{escape(record.profile)}}} ({scale}). {escape(counts_sentence(record))}."
    )
    rows = [_row(claim) for claim in claims if claim.verdict != "not-run"]
    head = r"verdict & claim & in the paper & here \\"
    return "\n".join(
        [
            r"% \usepackage{booktabs,longtable,textcomp}",
            r"\begin{longtable}{@{}p{0.16\linewidth}p{0.38\linewidth}p{0.14\linewidth}p{0.22\linewidth}@{}}",
            rf"\caption{{{caption}}}\\",
            r"\toprule",
            head,
            r"\midrule",
            r"\endfirsthead",
            r"\toprule",
            head,
            r"\midrule",
            r"\endhead",
            r"\bottomrule",
            r"\endfoot",
            *rows,
            r"\end{longtable}",
            "",
        ]
    )


def _row(claim: ClaimRecord) -> str:
    mark = f" ({said})" if (said := standing(claim)) else ""
    here = "; ".join(part for part in (figure(claim), spread(claim)) if part)
    cells = (claim.verdict, f"{claim.id}: {claim.text}{mark}", claim.where, here)
    return " & ".join(map(escape, cells)) + r" \\"
