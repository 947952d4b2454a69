"""A record as a page of a Trackio logbook, the form in which public galleries collect reproductions.

A page is Markdown: a title, then cells, each after a rule and a comment with its type, id, time and title as JSON. The
folder goes below `.trackio/logbook/pages/` of a logbook, next to other pages.
"""

import json
import re
import shlex

from pruneproof.papers.findings import findings
from pruneproof.papers.paper import Paper
from pruneproof.papers.record import Record
from pruneproof.report.summary import address, claims_table, escape, findings_list
from pruneproof.report.wording import ANSWER_RULE, SCALE_NAMES, SYMBOLS, correction, counts_sentence, figure, warnings
from pruneproof.values.digests import digest_json
from pruneproof.values.visible import HIDDEN

_UNSHOWN = re.compile(rf"{HIDDEN.pattern}|[\n\t]")


def logbook_page(paper: Paper, record: Record) -> str:
    """Return the page: the answers, a cell for each question, every claim, how to run it again, and what to know."""
    title = f"{record.title} ({record.profile}, {SCALE_NAMES[record.scale]})"
    arxiv = f"arXiv: https://arxiv.org/abs/{address(record.arxiv)}\n\n" if record.arxiv else ""
    notes = "".join(f"> {escape(each)}\n\n" for each in warnings(record))
    answers = findings_list(paper, record)
    overview = f"{arxiv}{notes}{answers}\n{counts_sentence(record)}. {ANSWER_RULE}"
    cells = [_cell(record, "markdown", "What was found", overview)]
    for each in findings(paper, record):
        lines = [
            f"* {SYMBOLS[claim.verdict]} {', '.join(filter(None, [claim.verdict, correction(claim)]))}: "
            f"**{escape(claim.id)}** {escape(claim.text)} {escape(figure(claim))}"
            for claim in each.claims
        ]
        said = f"**{each.said.capitalize()}**{f': {each.counts}' if each.counts else ''}.\n\n" + "\n".join(lines)
        cells.append(_cell(record, "markdown", each.question, said))
    cells.append(_cell(record, "markdown", "Every claim", claims_table(record)))
    options = [*(("--only", each) for each in record.only), *(("--set", each) for each in record.variant)]
    words = ["repro", "run", record.paper, "--profile", record.profile, *(word for pair in options for word in pair)]
    command = " ".join(map(_word, words))
    fence = "`" * max([4, *(len(run) + 1 for run in re.findall("`+", command))])
    cells.append(_cell(record, "code", "Run it again", f"{fence}bash\npip install pruneproof\n{command}\n{fence}"))
    if paper.info.caveats:
        caveats = "\n".join(f"* {escape(each)}" for each in paper.info.caveats)
        cells.append(_cell(record, "markdown", "What to know about the paper", caveats))
    return f"# {escape(title)}\n\n" + "\n".join(cells)


def _word(text: str) -> str:
    r"""Return a word for bash, on one line of which every character shows.

    >>> print(_word("global-mp"), _word("mlp.methods.a.criterion={id='x'}"), _word("a\n'b"))
    global-mp 'mlp.methods.a.criterion={id='"'"'x'"'"'}' $'a\u000a\'b'
    """
    if not _UNSHOWN.search(text):
        return shlex.quote(text)
    quoted = re.sub(r"[\\']", r"\\\g<0>", text)
    return "$'" + _UNSHOWN.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted) + "'"


def _cell(record: Record, kind: str, title: str, body: str) -> str:
    facts = {
        "type": kind,
        "id": f"cell_{digest_json([record.plan, record.created, title])[:12]}",
        "created_at": record.created,
        "title": title,
        **({"language": "bash"} if kind == "code" else {}),
    }
    comment = json.dumps(facts).replace(">", "\\u003e")  # nothing in it ends the comment
    return f"\n---\n<!-- trackio-cell\n{comment}\n-->\n{body.strip()}\n"
