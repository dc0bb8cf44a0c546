#!/bin/sh
# Runs inside an image build: install.sh ROOT CACHE PACKAGE...
# Puts the packages into ROOT, whose base system is there, and keeps what was downloaded in CACHE (same file system).
# Lines that begin with "I: " are shown to the person who waits.
set -eu
root=$1 cache=$2
shift 2

keep_downloads() {
    find "$root/var/cache/apt/archives" -maxdepth 1 -name '*.deb' -exec ln -f -t "$cache" {} +
}

in_root() {
    DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
}

apt_install() {
    in_root apt-get install --yes --no-install-recommends -o Dpkg::Use-Pty=0 \
        -o Dpkg::Options::=--force-unsafe-io -o Dpkg::Options::=--force-confold -o Acquire::Retries=3 "$@"
}

keep_downloads
[ $# -gt 0 ] || exit 0

# No service starts while packages configure: exit code 101 is "forbidden by policy".
printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
# Byte code is made once at the end with every core, instead of package by package with one.
in_root dpkg-divert --quiet --local --rename --add /usr/bin/py3compile
ln -s true "$root/usr/bin/py3compile"

echo "I: download packages"
apt_install --download-only "$@"
keep_downloads
echo "I: install packages"
apt_install "$@"

echo "I: compile Python modules"
rm "$root/usr/bin/py3compile"
in_root dpkg-divert --quiet --local --rename --remove /usr/bin/py3compile
# Templates and tests of other Python versions do not compile, with the packages' own tool neither.
in_root python3 -m compileall -q -j 0 /usr/lib/python3/dist-packages > /dev/null || true
rm "$root/usr/sbin/policy-rc.d"
