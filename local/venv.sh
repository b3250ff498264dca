#!/usr/bin/env bash
# venv.sh PYTHON FOLDER: makes an environment of that Python in the folder.
#
# Debian and Ubuntu keep what this takes in a package of its own, such as `python3.11-venv`. Where it is missing and root
# asks, it is installed by apt-get; nothing else of the machine is changed.
set -euo pipefail

python=$1 folder=$2

complete() { "$python" -c 'import ensurepip' 2>/dev/null; }

if ! complete; then
	package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
	if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
		echo "$python makes no environments: it lacks the module ensurepip (Debian, Ubuntu: sudo apt-get install $package)" >&2
		exit 1
	fi
	# Environments are made side by side, and only one apt-get works at a time.
	exec {lock}<"$0"
	flock "$lock"
	if ! complete; then
		echo "installing $package by apt-get"
		export DEBIAN_FRONTEND=noninteractive
		install=(apt-get -qq install --yes --no-install-recommends "$package")
		"${install[@]}" >/dev/null 2>&1 || { apt-get -qq update && "${install[@]}" >/dev/null; }
	fi
fi
"$python" -m venv "$folder"
