#!/bin/sh
# Installs the native oracles that the tests compare with: LLVM 19, bpftool and QEMU, from Debian's packages.
# Needs root and apt; the test command calls it when both are there. Does nothing where all are installed.
set -eu
# Package -> a program it brings.
missing=""
need() {
  command -v "$2" >/dev/null 2>&1 || [ -x "/usr/sbin/$2" ] || missing="$missing $1"
}
need clang-19 clang-19
need llvm-19 llvm-objdump-19
need bpftool bpftool
need qemu-system-x86 qemu-system-x86_64
need busybox-static busybox
need cpio cpio
need python3 python3
need e2fsprogs mke2fs
need xz-utils xz
[ -d /usr/include/bpf ] || missing="$missing libbpf-dev"
[ -f /usr/include/linux/bpf.h ] || missing="$missing linux-libc-dev"
# Some tests fetch Debian packages without installing them (a kernel, its sources, BCC's tools): apt has to know them.
lists_known() {
  for package in linux-image-cloud-amd64 linux-source-6.1 bpfcc-tools bpftrace; do
    apt-cache show "$package" >/dev/null 2>&1 || return 1
  done
}
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 && ! lists_known; then
  echo "test tools: reading the package lists"
  apt-get update -qq || true
fi
if [ -z "$missing" ]; then
  echo "test tools: all installed"
  exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "test tools: missing$missing; root and apt are needed to install them" >&2
  exit 3
fi
echo "test tools: installing$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq || true
# shellcheck disable=SC2086 # a list of package names
apt-get install -y -qq --no-install-recommends $missing >/dev/null
echo "test tools: installed"
