#!/bin/bash
# Records a kernel profile (BTF, tracepoint formats, probeable functions) by booting Debian's cloud kernel in QEMU.
#
#   scripts/make-profile.sh [--deb linux-image-...-cloud-amd64_..._amd64.deb] [--output FILE]
#
# Needs Debian 12 with: qemu-system-x86 busybox-static cpio (and Node with this repository's packages installed).
# Nothing is installed: the kernel package is only unpacked into a temporary folder, which is removed at the end.
set -euo pipefail

repository=$(cd "$(dirname "$0")/.." && pwd)
output=$repository/packages/bpfkit/profiles/debian-6.1-cloud-amd64.bpfkit-profile
deb=
while [ $# -gt 0 ]; do
  case $1 in
    --deb) deb=$(realpath "$2"); shift 2 ;;
    --output) output=$(realpath -m "$2"); shift 2 ;;
    *) echo "usage: $0 [--deb FILE.deb] [--output FILE]" >&2; exit 2 ;;
  esac
done

for tool in qemu-system-x86_64 busybox cpio dpkg-deb apt-get gzip node; do
  command -v "$tool" >/dev/null || { echo "make-profile: $tool is missing" >&2; exit 1; }
done
busybox=$(command -v busybox)
if ldd "$busybox" >/dev/null 2>&1; then
  echo "make-profile: $busybox is not static; install busybox-static" >&2
  exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
chmod 755 .

if [ -z "$deb" ]; then
  # The meta package's dependency names the image package of the current ABI. The unsigned twin is not wanted.
  package=$(apt-cache depends linux-image-cloud-amd64 |
    sed -n 's/^ *Depends: \(linux-image-6\.1\.[0-9-]*-cloud-amd64\)$/\1/p' | head -n 1)
  [ -n "$package" ] || { echo "make-profile: apt knows no linux-image-6.1.*-cloud-amd64" >&2; exit 1; }
  echo "downloading $package" >&2
  apt-get -q -o APT::Sandbox::User=root download "$package" >&2
  deb=$(ls "$work"/*.deb)
fi
package=$(dpkg-deb -f "$deb" Package)
version=$(dpkg-deb -f "$deb" Version)
dpkg-deb -x "$deb" image
kernel=$(ls image/boot/vmlinuz-*)
sha256=$(sha256sum "$kernel" | cut -d ' ' -f 1)

mkdir -p root/bin root/proc root/sys root/dev root/tmp root/out
cp "$busybox" root/bin/busybox
cat >root/init <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing
cd /out
uname -r >release
cp /sys/kernel/btf/vmlinux btf
# The kernel gives these files a size of 0: tar can only pack copies of them.
# Kprobes need ftrace to know a function: the kernel is built without KPROBE_EVENTS_ON_NOTRACE. /proc/kallsyms lists more.
cat /sys/kernel/tracing/available_filter_functions >functions
cat /sys/kernel/debug/kprobes/blacklist >blacklist
for file in /sys/kernel/tracing/events/*/*/format; do
  event=${file#/sys/kernel/tracing/events/}
  event=${event%/format}
  echo "== $event"
  cat "$file"
done >formats
stty -F /dev/ttyS1 raw -echo -crtscts
tar -c release btf functions blacklist formats | gzip -1 >/tmp/out.tar.gz
cat /tmp/out.tar.gz >/dev/ttyS1
echo "recorded $(wc -c </tmp/out.tar.gz) bytes, sha256 $(sha256sum </tmp/out.tar.gz | cut -d ' ' -f 1)"
poweroff -f
INIT
chmod 755 root/init
(cd root && find . | cpio -o -H newc --quiet) >root.cpio

echo "booting $package $version" >&2
timeout 300 qemu-system-x86_64 -accel tcg,thread=multi -cpu max -m 1024 -smp 2 -display none -no-reboot \
  -kernel "$kernel" -initrd root.cpio -append "console=ttyS0 panic=-1 quiet" \
  -monitor none -serial stdio -serial file:out.tar.gz </dev/null | tr -d '\r' >console
recorded=$(sed -n 's/^recorded .* sha256 //p' console)
if [ -z "$recorded" ] || [ "$recorded" != "$(sha256sum out.tar.gz | cut -d ' ' -f 1)" ]; then
  echo "make-profile: the kernel did not hand over its facts; its console said:" >&2
  tail -n 20 console >&2
  exit 1
fi
mkdir facts
tar -xzf out.tar.gz -C facts

mkdir -p "$(dirname "$output")"
cd "$repository"
node --import tsx --conditions=bpfkit-source scripts/make-profile.ts \
  --facts "$work/facts" --name "$(basename "$output" .bpfkit-profile)" --output "$output" \
  --package "$package" --version "$version" --sha256 "$sha256"
