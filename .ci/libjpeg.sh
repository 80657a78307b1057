#!/bin/sh
# Builds libjpeg-turbo and installs it, for the wheels: the images of manylinux have version 1.5, which is slower and lacks what the
# compiled loading asks for. Takes the folder of its source as argument, or else fetches the release. Needs cmake, and nasm on x86.
set -eu
version=3.1.0
sha256=9564c72b1dfd1d6fe6274c5f95a8d989b59854575d4bbee44ade7bc17aa9bc93
place=https://github.com/libjpeg-turbo/libjpeg-turbo/releases/download/$version/libjpeg-turbo-$version.tar.gz

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source=${1:-$work/libjpeg-turbo-$version}
if [ $# -eq 0 ]; then
    curl --fail --silent --show-error --location --output "$work/source.tar.gz" "$place"
    echo "$sha256  $work/source.tar.gz" | sha256sum --check --quiet -
    tar -xzf "$work/source.tar.gz" -C "$work"
fi

prefix=${PREFIX:-/usr/local}
cmake -S "$source" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$prefix" \
    -DCMAKE_INSTALL_LIBDIR="$prefix/lib" -DENABLE_STATIC=OFF -DWITH_TURBOJPEG=OFF -DREQUIRE_SIMD=ON
cmake --build "$work/build" --parallel "$(nproc)"
cmake --install "$work/build"
