#!/bin/sh
# Fetches the sources of BearSSL and mbedTLS that Debian publishes: sources.sh FOLDER
#
# Out: FOLDER/bearssl, FOLDER/mbedtls and FOLDER/versions. Uses this machine's own package sources
# with source packages turned on, in a private configuration: nothing of the system changes.
# apt-get checks signatures and checksums.
set -eu
mkdir -p "$1/lists/partial" "$1/list" "$1/cache/archives/partial"
cd "$1"
here=$PWD
[ -f versions ] && exit
# Debian's own lists only, in both of their notations.
for list in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
    [ -f "$list" ] || continue
    sed -e 's/^Types:.*/Types: deb-src/' -e 's/^deb /deb-src /' "$list" >"list/$(basename "$list")"
done
[ ! -f list/sources.list ] || mv list/sources.list list/more.list
cat >apt.conf <<END
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$here/list";
Dir::State::lists "$here/lists";
Dir::Cache "$here/cache";
END
export APT_CONFIG="$here/apt.conf"
apt-get update -qq
apt-get source --download-only -qq mbedtls bearssl >/dev/null 2>&1
for name in bearssl mbedtls; do
    rm -rf "$name" && mkdir "$name"
    tar -x --strip-components=1 -C "$name" -f "$(ls "$name"_*.orig.tar.*)"
    sed -n "s/^Version: /$name /p" "$name"_*.dsc | head -n 1
done >versions.new
mv versions.new versions
