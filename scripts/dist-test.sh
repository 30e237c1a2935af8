#!/usr/bin/env bash
# The binary of `make dist` on a Debian 12 with nothing but what every Debian has: it serves, pushes and is heard.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" -eq 0 ] || { echo "dist-test.sh makes a root directory of its own, which only root may" >&2; exit 1; }
scripts/need.sh debootstrap
root=$PWD/.cache/bare-debian
if [ ! -f "$root/complete" ]; then
    rm -rf "$root"
    debootstrap --variant=minbase bookworm "$root" >"$root.log" 2>&1 || { tail -5 "$root.log" >&2; exit 1; }
    touch "$root/complete"
fi
cp dist/martlet "$root/usr/local/bin/martlet"
# Swift reads a program's arguments there; every container has it.
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
inside() { chroot "$root" /usr/local/bin/martlet "$@"; }

inside --version
printf 'listen: 127.0.0.1:0\nlog: {format: json}\n' >"$root/tmp/martlet.yaml"
inside check-config /tmp/martlet.yaml
said=$(mktemp)
heard=$(mktemp)
chroot "$root" /usr/local/bin/martlet serve --config /tmp/martlet.yaml >"$said" 2>"$said.log" &
service=$!
trap 'kill $service 2>/dev/null || true; umount "$root/proc" || true; rm -f "$said" "$said.log" "$heard"' EXIT
for _ in $(seq 100); do
    port=$(grep -o -m 1 "127\.0\.0\.1:[0-9]*/" "$said" | cut -d : -f 2 | tr -d / || true)
    [ -n "$port" ] && break
    sleep 0.1
done
[ -n "$port" ] || { cat "$said.log" >&2; exit 1; }
# The client leaves when it has heard what is pushed to it.
{ echo '{"token":"jack","event":"alerts"}'; sleep 30; } | inside connect "ws://127.0.0.1:$port/ws" >"$heard" 2>/dev/null &
for _ in $(seq 100); do
    answer=$(inside push --url "http://127.0.0.1:$port" --user jack --event alerts --json 'it works' || true)
    grep -q 'it works' "$heard" && break
    sleep 0.1
done
grep -q 'it works' "$heard" || { echo "nothing was heard: $answer" >&2; exit 1; }
kill -TERM $service
wait $service
echo "dist/martlet runs on a bare Debian $(cat "$root/etc/debian_version")"
