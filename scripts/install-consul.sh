#!/usr/bin/env bash
# Installs a real Consul as DIR/consul, for the tests that need one. Debian 12 has no package of it, so the 1.8.7 of
# Debian 11 is taken from the machine's own mirror, without adding that release to the machine's sources.
# Usage: install-consul.sh DIR
set -euo pipefail
dir=${1:?usage: install-consul.sh DIR}
[ ! -x "$dir/consul" ] || exec "$dir/consul" version
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/archives/partial" "$dir"
mirror=$(apt-get indextargets --format '$(REPO_URI)' | grep -m1 '/debian/\?$')
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bullseye main" >"$work/sources.list"
options=(-qq
  -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=/dev/null
  -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work" -o APT::Sandbox::User=root)
apt-get "${options[@]}" update
cd "$work"
apt-get "${options[@]}" download consul
dpkg -x consul_*.deb unpacked
install -m 755 unpacked/usr/bin/consul "$dir/consul"
exec "$dir/consul" version
