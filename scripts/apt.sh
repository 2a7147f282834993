# SPDX-License-Identifier: MIT
# Sourced by setup and fetch: apt with a state of its own under build/, so that neither the user's /etc/apt nor his
# package lists change. Mirrors and keys are those of the system's own configuration; none is named here.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
deps=$root/build/deps

say() { printf '  %-8s %s\n' "$1" "$2" >&2; }
die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

os_release() {
	(
		. /etc/os-release 2>/dev/null
		eval "printf %s \"\${$1-}\""
	)
}

# Prints "URI [signed-by=KEY]" of the mirror that packages come from: the user's DEBIAN_MIRROR if he gave one, else
# where the system gets its own release from.
debian_mirror() {
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	if [ -n "${DEBIAN_MIRROR-}" ]; then
		[ -r "$keyring" ] || die "DEBIAN_MIRROR needs the package debian-archive-keyring"
		printf '%s %s\n' "$DEBIAN_MIRROR" "[signed-by=$keyring]"
		return
	fi
	[ "$(os_release ID)" = debian ] ||
		die "this step takes Debian packages: set DEBIAN_MIRROR to the address of a Debian mirror"
	local codename site release signed
	codename=$(os_release VERSION_CODENAME)
	while IFS='|' read -r site release signed; do
		case $release in
		"$codename" | stable | oldstable | testing | unstable)
			case $signed in
			/*) printf '%s [signed-by=%s]\n' "$site" "$signed" ;;
			*) printf '%s\n' "$site" ;;
			esac
			return
			;;
		esac
	done < <(apt-get indextargets --format '$(REPO_URI)|$(RELEASE)|$(SIGNED_BY)' 'Created-By: Packages' | sort -u)
	die "apt's sources name no mirror for $codename"
}

# The Debian release whose packages are used: the system's, or the first that has all that is needed.
debian_codename() {
	if [ "$(os_release ID)" = debian ]; then
		os_release VERSION_CODENAME
	else
		echo trixie
	fi
}

# apt_state NAME ARCH SUITE... - makes the private state build/deps/apt/NAME for the suites and sets apt_opts.
# ARCH is a Debian architecture, "source" for source packages only, or "host" for packages to install here.
apt_state() {
	local name=$1 arch=$2 mirror uri options suite kind=deb dir=$deps/apt/$1
	shift 2
	mirror=$(debian_mirror) || exit 1
	read -r uri options <<<"$mirror"
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	[ "$arch" != source ] || kind=deb-src
	for suite in "$@"; do
		echo "$kind $options $uri $suite main"
	done >"$dir/sources.list"
	apt_opts=(-qq -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::Lists="$dir/lists"
		-o Dir::Cache="$dir/cache" -o Dir::Cache::archives="$dir/cache/archives"
		-o APT::Get::List-Cleanup=0 -o APT::Sandbox::User=root -o Acquire::Retries=3 -o Acquire::Languages=none)
	case $arch in
	host) ;;
	source) apt_opts+=(-o Dir::State::status=/dev/null) ;;
	*) apt_opts+=(-o Dir::State::status=/dev/null -o APT::Architecture="$arch" -o APT::Architectures::="$arch") ;;
	esac
}

apt_update() {
	apt-get "${apt_opts[@]}" update >"$deps/apt/update.log" 2>&1 || {
		cat "$deps/apt/update.log" >&2
		return 1
	}
}
