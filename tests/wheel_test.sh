#!/usr/bin/env bash
# Build the wheel, install it into a clean environment outside the checkout, and use it there as a user would.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${VENV:?}/bin/python
tests=$PWD/tests
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$python" build_backend.py "$python" -m maturin build --quiet --release --out "$work/dist"
"$python" -m uv venv --quiet --python "$python" "$work/clean"
"$python" -m uv pip install --quiet --python "$work/clean/bin/python" "$work"/dist/pruneproof-*.whl

cd "$work"
export PRUNEPROOF_STORE="$work/store"
clean/bin/python "$tests/wheel_smoke.py"
clean/bin/repro doctor
status=0
clean/bin/repro run 2209.14624 --only 'mlp/global' --only 'mlp/uniform' --seeds 3 > run.txt || status=$?
cat run.txt
test "$status" -le 2
clean/bin/repro verify store/reports/global-mp/*/record.json --quiet
