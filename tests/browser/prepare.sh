#!/usr/bin/env bash
# prepare.sh: sees to it that there is a Chromium for the tests of the page, and prints its path.
#
# Installs Debian's package `chromium` by apt-get where no browser is; nothing else of the machine is changed, and no browser is
# downloaded from anywhere else. Exits with 77, and the reason in the last line, where that cannot be had.
set -euo pipefail

found() { command -v chromium || command -v chromium-browser || command -v google-chrome; }

cannot() {
	echo "$*" >&2
	exit 77
}

if ! found >/dev/null; then
	[ "$(id -u)" = 0 ] || cannot "no Chromium here, and only root can install one: apt-get install chromium"
	command -v apt-get >/dev/null || cannot "no Chromium here, and no apt-get to install it"
	export DEBIAN_FRONTEND=noninteractive
	options=(-qq -o Acquire::Retries=1 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30)
	install=(apt-get "${options[@]}" install --yes --no-install-recommends chromium)
	"${install[@]}" >/dev/null 2>&1 || { apt-get "${options[@]}" update >/dev/null 2>&1 && "${install[@]}" >/dev/null; } ||
		cannot "chromium could not be installed by apt-get"
fi
found
