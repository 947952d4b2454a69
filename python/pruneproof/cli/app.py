"""The command line's table of verbs."""

from importlib.metadata import version
from typing import Annotated

import typer

from pruneproof.cli import (
    audit,
    check,
    cite,
    compare,
    data,
    doctor,
    install,
    lint,
    list_,
    mask,
    mutate,
    new,
    plan,
    plugins,
    prune,
    report,
    run,
    show,
    verify,
    why,
)
from pruneproof.cli.output import owns_stdout, say

app = typer.Typer(
    name="repro",
    help="Re-run what pruning papers claim: pinned experiments, exact selection, a verdict per claim.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(asked: bool) -> None:
    if asked:
        say(f"pruneproof {version('pruneproof')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Re-run what pruning papers claim: pinned experiments, exact selection, a verdict per claim."""


app.command("list")(owns_stdout(list_.list_papers))
app.command("show")(owns_stdout(show.show))
app.command("plan")(owns_stdout(plan.plan))
app.command("why")(owns_stdout(why.why))
app.command("run")(owns_stdout(run.run))
app.command("verify")(owns_stdout(verify.verify))
app.command("report")(owns_stdout(report.report))
app.command("compare")(owns_stdout(compare.compare))
app.command("audit")(owns_stdout(audit.audit))
app.command("mutate")(owns_stdout(mutate.mutate))
app.command("lint")(owns_stdout(lint.lint))
app.command("plugins")(owns_stdout(plugins.plugins))
app.command("check")(owns_stdout(check.check))
app.command("install")(owns_stdout(install.install))
app.command("new")(owns_stdout(new.new))
app.add_typer(data.app, name="data")
app.add_typer(mask.app, name="mask")
app.command("prune")(prune.prune)
app.command("doctor")(owns_stdout(doctor.doctor))
app.command("cite")(owns_stdout(cite.cite))
