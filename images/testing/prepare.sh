#!/usr/bin/env bash
# prepare.sh FOLDER: what it takes to build and run the images on a Debian machine that reaches Debian's archive and PyPI but
# no image registry, and that has no systemd.
#
# - Installs buildah, podman, runc and mmdebstrap by apt-get where they are missing. Nothing else of the machine is changed.
# - Writes FOLDER/storage.conf and FOLDER/containers.conf: images and containers are kept in FOLDER, not where the machine's are.
# - Makes the Dockerfiles' base image from Debian's packages, under the name that the Dockerfiles use, unless FOLDER has it.
#   It trusts the certificates that the machine trusts.
#
# Exits with 77, and the reason in the last line, where that cannot be had.
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)
base=$(sed -n 's/^ARG PYTHON_IMAGE=//p' "$(dirname "$0")/../operator/Dockerfile")
suite=${base##*-}

cannot() {
	echo "$*" >&2
	exit 77
}

[ "$(uname -s)" = Linux ] || cannot "needs Linux"
[ "$(id -u)" = 0 ] || cannot "needs root: it makes a base image with mmdebstrap and mounts overlays"

missing=()
for tool in buildah podman runc mmdebstrap; do
	command -v "$tool" >/dev/null || missing+=("$tool")
done
if [ ${#missing[@]} -gt 0 ]; then
	command -v apt-get >/dev/null || cannot "${missing[*]}: not there, and no apt-get to install them"
	export DEBIAN_FRONTEND=noninteractive
	options=(-qq -o Acquire::Retries=1 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30)
	install=(apt-get "${options[@]}" install --yes --no-install-recommends "${missing[@]}")
	"${install[@]}" >/dev/null 2>&1 || { apt-get "${options[@]}" update >/dev/null 2>&1 && "${install[@]}" >/dev/null; } ||
		cannot "${missing[*]}: could not be installed by apt-get"
fi

driver=overlay
grep -qw overlay /proc/filesystems || driver=vfs
cat >"$folder/storage.conf" <<END
[storage]
driver = "$driver"
graphroot = "$folder/graph"
runroot = "$folder/run"
END
# runc, as crun knows no mixed cgroups; no systemd for cgroups and events; limits that a container's own limits allow.
cat >"$folder/containers.conf" <<END
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
END
export CONTAINERS_STORAGE_CONF=$folder/storage.conf CONTAINERS_CONF=$folder/containers.conf

if ! podman image exists "$base"; then
	tar=$folder/base.tar
	trap 'rm -f "$tar"' EXIT
	printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' >"$folder/pip.conf"
	# shellcheck disable=SC2016 # mmdebstrap's hooks know $1
	mmdebstrap --quiet --variant=minbase --include=python3,python3-venv,ca-certificates \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--customize-hook='ln -s /usr/bin/python3 "$1/usr/local/bin/python"' \
		--customize-hook="copy-in $folder/pip.conf /etc" \
		--customize-hook='upload /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt' \
		"$suite" "$tar" || cannot "mmdebstrap could not make a base of Debian $suite"
	podman import --quiet --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' "$tar" "$base" >/dev/null
fi
# Whether containers run here at all is better known before minutes of building.
podman run --rm --network host "$base" python --version >/dev/null 2>"$folder/first-run.log" ||
	cannot "no container runs here: $(tail -n 1 "$folder/first-run.log")"
