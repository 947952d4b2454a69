"""The command line's table of verbs."""

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

app = typer.Typer(
    name="repro",
    help="Re-run what pruning papers claim: pinned experiments, exact selection, a verdict per claim.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("list")(list_.list_papers)
app.command("show")(show.show)
app.command("plan")(plan.plan)
app.command("why")(why.why)
app.command("run")(run.run)
app.command("verify")(verify.verify)
app.command("report")(report.report)
app.command("compare")(compare.compare)
app.command("audit")(audit.audit)
app.command("mutate")(mutate.mutate)
app.command("lint")(lint.lint)
app.command("plugins")(plugins.plugins)
app.command("check")(check.check)
app.command("install")(install.install)
app.command("new")(new.new)
app.add_typer(data.app, name="data")
app.add_typer(mask.app, name="mask")
app.command("prune")(prune.prune)
app.command("doctor")(doctor.doctor)
app.command("cite")(cite.cite)
