from pruneproof.contracts.claims import ValueScale
from pruneproof.papers.record import MetricRecord
from pruneproof.report.table import BASE, OWN, TWIN, completed, table_of, with_names


def test_there_is_a_row_for_each_network_and_step_that_measures(record, table):
    assert len(table.rows) == sum(len(cell.measured) for cell in record.cells)
    by_place = {(row.run, row.method, row.sparsity, row.seed, row.at): row for row in table.rows}
    for cell in record.cells:
        for at, values in cell.measured.items():
            assert by_place[cell.run, cell.method, cell.sparsity, cell.seed, at].values == values


def test_a_fresh_record_tells_units_and_settings(tiny_record):
    table = table_of(tiny_record)
    assert table.quantity("accuracy").info.unit == "%"
    assert table.quantity("accuracy").info.better == "larger"
    assert table.quantity("pruned.loss-change").label == "loss change, pruned (nats)"
    assert {"criterion", "scope", "iterations", "rounds"} <= table.settings
    [imp] = [group for group in table.groups if group.method == "imp"]
    assert (imp.column("rounds"), imp.column("criterion")) == (2, "magnitude")
    assert table.steps[0] == "end"


def test_claims_come_with_value_scale_and_parameters(record, table):
    for claim, shown in zip(record.claims, table.claims, strict=True):
        assert (shown.id, shown.value, shown.scale, shown.bounds) == (
            claim.id,
            claim.value,
            claim.scale,
            claim.bounds,
        )


def test_an_older_record_is_completed_from_the_catalog(record, catalog):
    bare = record.model_copy(
        update={
            "metrics": {},
            "claims": tuple(claim.model_copy(update={"scale": ValueScale()}) for claim in record.claims),
        }
    )
    found = completed(bare, catalog)
    assert found.metrics["accuracy"].unit == "%"
    assert {claim.test: claim.scale.counts for claim in found.claims}["collapse"] == "collapsed"


def test_what_a_record_says_itself_is_left(record, catalog):
    own = MetricRecord(unit="points", about="as then")
    scale = ValueScale(unit="then")
    claim = next(claim for claim in record.claims if claim.test == "collapse")
    old = record.model_copy(
        update={"metrics": {"accuracy": own}, "claims": (claim.model_copy(update={"scale": scale}),)}
    )
    found = completed(old, catalog)
    assert found.metrics["accuracy"] == own
    assert found.claims[0].scale == scale


def test_figures_may_name_what_was_not_measured_here(table, catalog):
    whole = with_names(table, catalog)
    assert whole.quantity("pruned.loss-change").info.unit == "nats"
    assert whole.quantity("penalty").is_column
    assert whole.quantity("iterations").is_column


def test_twins_have_columns_that_pair_them(twins):
    table = table_of(twins)
    found = {(row.method, row.column(BASE), row.column(TWIN)) for row in table.rows if row.run == "mlp"}
    assert found == {("dense", None, None), ("global", "global", OWN), ("global-mine", "global", "mine")}
    assert all(row.column(TWIN) is None for row in table.rows if row.run == "wrn")
