"""Rows as Parquet, with types, for data frames and query engines; the extra `parquet`."""

import io

from pruneproof.errors import ExtraMissing
from pruneproof.report.rows import Rows


def parquet(rows: Rows) -> bytes:
    """Return rows as a Parquet file; a column without any value is of type null.

    Raises:
        ExtraMissing: `pyarrow` is not installed.
    """
    try:
        import pyarrow
        from pyarrow.parquet import write_table
    except ImportError as problem:
        raise ExtraMissing(
            "Parquet files need pyarrow, which is not installed. Install it with: pip install 'pruneproof[parquet]'. "
            "Or ask for csv."
        ) from problem
    out = io.BytesIO()
    write_table(pyarrow.Table.from_pylist(rows), out)
    return out.getvalue()
