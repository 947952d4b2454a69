import sys

import pytest

from pruneproof.errors import ExtraMissing
from pruneproof.report.parquet import parquet
from pruneproof.report.rows import Rows


def test_without_pyarrow_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ExtraMissing, match=r"pip install 'pruneproof\[parquet\]'"):
        parquet(Rows([{"a": 1}]))
