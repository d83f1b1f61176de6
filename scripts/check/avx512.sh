#!/usr/bin/env bash
# Runs the tests of the CPU's kernels on an emulated processor that has AVX-512, for machines that lack it:
#
#   scripts/check/avx512.sh [ARGUMENTS OF THE TESTS, e.g. --exact ops::random_shapes_agree_with_naive]
#
# Bochs emulates a Skylake-X; a Linux of nothing but Debian's kernel, busybox and the tests is started on it. That shows
# whether the arithmetic is right, but not its speed. All tests take about half an hour, by estimate: most
# of it the lists ops::forward, ops::input and ops::weight. On Debian it needs:
#
#   apt-get install bochs bochs-term bochsbios vgabios grub-pc-bin xorriso mtools busybox-static cpio
#
# The kernel is fetched by apt-get, not installed. Everything lies under target/avx512.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=$PWD
# What computes by no vectors, or trains for long, is left out.
[ $# -gt 0 ] || set -- --skip central_differences --skip diverged
work=$here/target/avx512
root=$work/root
disc=$work/disc

for tool in bochs grub-mkrescue xorriso mformat busybox cpio; do
  if ! command -v "$tool" >/dev/null; then
    echo "$tool is not installed; the head of $0 says what to install" >&2
    exit 1
  fi
done

built=$(cargo test --workspace --no-run 2>&1) || {
  echo "$built" >&2
  exit 1
}
# The test program whose file is named $1 and a hash.
program() {
  sed -n "s|^ *Executable .*(\(.*/$1-[0-9a-f]*\))\$|\1|p" <<<"$built"
}

rm -rf "$root" "$disc"
mkdir -p "$root"/{bin,dev,proc,tmp,tests} "$root$here/crates/net/tests" "$disc/boot/grub"
cp "$(command -v busybox)" "$root/bin/busybox"
for name in deepviz_net compute; do
  strip -o "$root/tests/$name" "$(program "$name")"
done
ldd "$root"/tests/* | grep -o '/[^ ]*\.so[^ ]*' | sort -u | while read -r library; do
  install -D "$library" "$root$library"
done
cp -r crates/net/tests/reference "$root$here/crates/net/tests/"
cp -r models "$root$here/"

cat >"$root/init" <<EOF
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc none /proc
mount -t devtmpfs none /dev
mount -t tmpfs none /tmp
exec >/dev/ttyS0 2>&1
cd $here/crates/net
status=0
grep -q -w avx512vl /proc/cpuinfo || { echo "the emulated processor shows no AVX-512"; status=1; }
/tests/deepviz_net --test-threads 1 orthogonal cpu:: device || status=1
/tests/compute --test-threads 1 $* || status=1
echo "== status \$status"
sleep 3600
EOF
chmod +x "$root/init"
(cd "$root" && find . | cpio --quiet -o -H newc | gzip -1) >"$disc/boot/tests.gz"

if ! ls "$work"/kernel/boot/vmlinuz-* >/dev/null 2>&1; then
  package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: //p' | head -1)
  (cd "$work" && apt-get -q -o APT::Sandbox::User=root download "$package" && dpkg -x "$package"_*.deb kernel)
fi
cp "$work"/kernel/boot/vmlinuz-* "$disc/boot/vmlinuz"
# Without the compact form of saved registers: Bochs gives a size for it that Linux takes for wrong, and turns AVX off.
cat >"$disc/boot/grub/grub.cfg" <<'EOF'
set timeout=0
menuentry tests {
  linux /boot/vmlinuz console=ttyS0 quiet mitigations=off nokaslr tsc=reliable clearcpuid=xsaves,xsavec
  initrd /boot/tests.gz
}
EOF
grub-mkrescue -o "$work/tests.iso" "$disc" 2>"$work/grub.txt" || {
  cat "$work/grub.txt" >&2
  exit 1
}

cat >"$work/bochsrc" <<EOF
plugin_ctrl: unmapped=1, biosdev=1, speaker=0, extfpuirq=1, parallel=0, serial=1, gameport=0
config_interface: textconfig
display_library: term
megs: 1024
cpu: model=corei7_skylake_x, count=1, ips=40000000, reset_on_triple_fault=0, ignore_bad_msrs=1
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/vgabios/vgabios.bin
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path=$work/tests.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$work/serial.txt
log: $work/bochs.txt
panic: action=fatal
clock: sync=none
EOF
# Debian's build of Bochs begins in its debugger.
echo continue >"$work/commands"
: >"$work/serial.txt"
TERM=xterm bochs -q -f "$work/bochsrc" -rc "$work/commands" </dev/null >"$work/screen.txt" 2>&1 &
bochs=$!
# It does not end at a plainer signal.
trap 'kill -KILL $bochs 2>/dev/null || true' EXIT
# It draws on a terminal of its own, and waits once that is full.
until terminal=$(grep -a -o -m 1 '/dev/pts/[0-9]*' "$work/screen.txt") || ! kill -0 $bochs 2>/dev/null; do
  sleep 1
done
cat "$terminal" >/dev/null 2>&1 &
# What hangs ends too.
timeout 7200 tail -f --pid $bochs "$work/serial.txt" | sed -u 's/\r$//; /^== status/q' || true
grep -q '^== status 0' "$work/serial.txt" || {
  echo "the tests did not pass; $work has the logs" >&2
  exit 1
}
