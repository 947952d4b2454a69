#!/usr/bin/env bash
# Build the wheel of each plugin, install it with what its tests need into an environment of its own, and use it there:
# its types and tests (against the wheel, not the sources), `repro plugins`, and `repro check` of all that it registers
# unless its tests have done that.
# Plugins can be chosen: plugins/test_plugins.sh template pruneproof-wanda
set -euo pipefail
cd "$(dirname "$0")"
python=${VENV:?}/bin/python
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

packages='import sysconfig; print(sysconfig.get_path("purelib"))'
repro='from pruneproof.cli import main; main()'
registered='
import json, sys
from pruneproof.registry.kinds import BY_NOUN
for plugin in json.load(sys.stdin):
    for kind, ids in plugin["registers"].items():
        if plugin["distribution"] == sys.argv[1] and ids and kind in BY_NOUN and BY_NOUN[kind].laws:
            print(BY_NOUN[kind].word, *ids)
'

if [ $# -eq 0 ]; then
  set -- */pyproject.toml
fi
for each in "$@"; do
  name=${each%/pyproject.toml}
  echo "== $name"
  folder=$work/$name
  cp -r "$name" "$folder"
  rm -rf "$folder"/build "$folder"/src/*.egg-info
  "$python" -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$folder/dist" "$folder"
  wheel=$(echo "$folder"/dist/*.whl)

  # What is in $VENV (torch, and pruneproof itself) can be seen from the new environment; only what lacks is installed.
  "$python" -m venv --without-pip "$folder/clean"
  clean=$folder/clean/bin/python
  echo "import site; site.addsitedir('$("$python" -c "$packages")')" > "$("$clean" -c "$packages")/seen.pth"
  "$clean" -m pip install --quiet --disable-pip-version-check "$wheel[test]"

  cd "$folder"
  if grep -q '^\[tool.mypy\]' pyproject.toml; then
    "$clean" -m mypy
  fi
  rm -rf src
  "$clean" -m pytest --quiet -n auto -p no:cacheprovider tests
  "$clean" -c "$repro" plugins
  distribution=$("$clean" -c "import tomllib; print(tomllib.load(open('pyproject.toml', 'rb'))['project']['name'])")
  # tests/test_conformance.py asks everything for all laws, as `repro check` would again.
  if [ ! -e tests/test_conformance.py ]; then
    "$clean" -c "$repro" plugins --json | "$clean" -c "$registered" "$distribution" | while read -r kind ids; do
      # shellcheck disable=SC2086
      "$clean" -c "$repro" check "$kind" $ids --quick < /dev/null
    done
  fi
  cd - > /dev/null
done
