#!/usr/bin/env bash
# Makes the folder that DATAPREP_ARM names for test_portable.py: a Python for 64-bit ARM, and the libraries that dataprep needs.
# Needs Debian with root's rights, its package index and PyPI; some 400 MB.    tests/images/arm.sh FOLDER
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)
here=$(cd "$(dirname "$0")/../.." && pwd)

apt-get install -y gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static
dpkg --add-architecture arm64 && apt-get update
cd "$folder"
apt-get download {python3.11-minimal,libpython3.11-minimal,libpython3.11-stdlib,libc6,libgcc-s1,libstdc++6,libexpat1,zlib1g}:arm64 \
    {libssl3,libffi8,libbz2-1.0,liblzma5,libcrypt1,libuuid1,libjpeg62-turbo,libjpeg62-turbo-dev}:arm64
dpkg --remove-architecture arm64
for package in *.deb; do dpkg-deb -x "$package" root; done
python3 -c "import sys, tomllib; print(*tomllib.load(open(sys.argv[1], 'rb'))['project']['dependencies'], sep='\n')" \
    "$here/pyproject.toml" >needed
python3 -m pip install --target site --platform manylinux_2_28_aarch64 --platform manylinux_2_17_aarch64 \
    --platform manylinux2014_aarch64 --python-version 3.11 --only-binary=:all: -r needed
echo "export DATAPREP_ARM=$folder"
