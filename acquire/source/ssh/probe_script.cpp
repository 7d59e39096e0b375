#include "acquire/source/ssh/probe.h"

namespace kanshiki::ssh {

// One line, without single quotes and backslashes: see far_command(). Every answer is a line
// key=value between kanshiki-probe=1 and end=1.
//
// In use: the device or one of its partitions is mounted in any mount namespace (by number; by name for btrfs, whose
// mounts have numbers of their own), held (dm, md), swapped on, or a member of a mounted btrfs. A file: behind a
// writable loop device.
std::string_view probe_script() {
    return "LC_ALL=C; export LC_ALL; PATH=$PATH:/usr/sbin:/sbin; d=$1; "
           "p() { printf %s=%s \"$1\" \"$2\"; echo; }; "
           "get() { r=; if [ -r \"$1\" ]; then IFS= read -r r < \"$1\"; fi; } 2>/dev/null; "
           "one() { get \"$2\"; if [ -n \"$r\" ]; then p \"$1\" \"$r\"; fi; }; "
           "has() { command -v \"$1\" >/dev/null 2>&1; }; "
           "p kanshiki-probe 1; "
           // first, so that the time until the first answer bounds its error
           "if has date; then p clock \"$(date +%s.%N 2>/dev/null)\"; fi; "
           "one hostname /proc/sys/kernel/hostname; one kernel /proc/sys/kernel/osrelease; "
           "one machine_id /etc/machine-id; "
           "if has id; then p user \"$(id -un 2>/dev/null)\"; fi; "
           "if has uname; then p machine \"$(uname -m 2>/dev/null)\"; fi; "
           // where an agent may lie: the mount says tmpfs, and not that nothing may execute there
           "if has chmod && has rm && [ -r /proc/self/mounts ]; then while read -r a b k o rest; do "
           "case $k in tmpfs|ramfs) case $b in /dev/shm|/run|/run/shm|/run/user/*|/tmp) "
           "case ,$o, in *,noexec,*|*,ro,*) ;; *) if [ -w \"$b\" ]; then p memory \"$b\"; fi;; esac;; esac;; esac; "
           "done < /proc/self/mounts; fi; "
           "c=0; for x in /sys/devices/system/cpu/cpu[0-9]*; do c=$((c+1)); done; p cores $c; "
           "for x in dd zstd lz4 gzip; do if has $x; then "
           "if [ $x = dd ] || printf x | $x -1 -c >/dev/null 2>&1; then p has $x; fi; fi; done; "
           "if has zstd && printf x | zstd --fast=2 -q -c -T1 >/dev/null 2>&1; then p zstd_fast 1; fi; "
           "if has dd; then "
           "v=$(dd --version 2>&1 </dev/null | { IFS= read -r r; printf %s \"$r\"; }); p dd_version \"$v\"; "
           "v=$(dd if=/proc/version bs=4 iflag=skip_bytes,count_bytes,fullblock skip=1 count=6 2>/dev/null); "
           "if [ \"$v\" = \"inux v\" ]; then p dd_bytes 1; fi; fi; "
           // the path
           "t=none; if [ -b \"$d\" ]; then t=block; elif [ -f \"$d\" ]; then t=file; elif [ -d \"$d\" ]; then "
           "t=directory; "
           "elif [ -e \"$d\" ]; then t=other; fi; p type $t; "
           "if [ -r \"$d\" ]; then p readable 1; fi; "
           "f=; if has readlink; then f=$(readlink -f -- \"$d\" 2>/dev/null); fi; if [ -z \"$f\" ]; then f=$d; fi; p "
           "path \"$f\"; "
           "u() { p used \"$1\"; }; "
           "case $t in "
           "block) "
           "n=${f#/dev/}; while :; do case $n in */*) n=\"${n%%/*}!${n#*/}\";; *) break;; esac; done; "
           "s=/sys/class/block/$n; m=; "
           "if has stat; then m=$(stat -L -c \"0x%t 0x%T\" -- \"$f\" 2>/dev/null); fi; "
           "if [ -n \"$m\" ]; then m=$((${m% *})):$((${m#* })); if [ -d \"/sys/dev/block/$m\" ]; then "
           "s=/sys/dev/block/$m; fi; "
           "else get \"$s/dev\"; m=$r; fi; "
           "p numbers \"$m\"; "
           "z=; if has blockdev; then z=$(blockdev --getsize64 \"$f\" 2>/dev/null); fi; "
           "if [ -z \"$z\" ]; then get \"$s/size\"; if [ -n \"$r\" ]; then z=$((r*512)); fi; fi; p size \"$z\"; "
           "q=$s/queue; if [ ! -d \"$q\" ]; then q=$s/../queue; fi; "
           "one logical \"$q/logical_block_size\"; one physical \"$q/physical_block_size\"; "
           "q=$s/device; if [ ! -d \"$q\" ]; then q=$s/../device; fi; "
           "one model \"$q/model\"; one serial \"$q/serial\"; "
           "ids=\" $m \"; names=\" $f $d /dev/$n \"; "
           "for x in \"$s\"/*; do if [ -f \"$x/partition\" ]; then get \"$x/dev\"; ids=\"$ids$r \"; "
           "names=\"$names/dev/${x##*/} \"; "
           "for h in \"$x\"/holders/*; do if [ -e \"$h\" ]; then u \"${x##*/} is held by ${h##*/}\"; fi; done; fi; "
           "done; "
           "for h in \"$s\"/holders/*; do if [ -e \"$h\" ]; then u \"held by ${h##*/}\"; fi; done; "
           "for h in /sys/fs/btrfs/*/devices/*; do case \"$names\" in *\" /dev/${h##*/} \"*) u \"part of a mounted "
           "btrfs\";; esac; done; "
           "if [ -r /proc/swaps ]; then while read -r a b; do case \"$names\" in *\" $a \"*) u \"swap space $a\";; "
           "esac; done < /proc/swaps; fi; "
           "seen=; k=0; for x in /proc/[0-9]*; do "
           "for y in $seen; do if [ \"$y/ns/mnt\" -ef \"$x/ns/mnt\" ]; then continue 2; fi; done; seen=\"$seen $x\"; "
           "if [ -r \"$x/mountinfo\" ]; then while read -r a b id root at rest; do "
           "rest=${rest#* - }; rest=${rest#* }; rest=${rest%% *}; y=; "
           "case \"$ids\" in *\" $id \"*) y=1;; esac; case \"$names\" in *\" $rest \"*) y=1;; esac; "
           "if [ -n \"$y\" ]; then u \"mounted on $at (seen by process ${x#/proc/})\"; k=$((k+1)); fi; "
           "if [ $k -ge 8 ]; then break 2; fi; "
           "done < \"$x/mountinfo\"; fi; done 2>/dev/null;; "
           "file) "
           "z=; if has stat; then z=$(stat -L -c %s -- \"$f\" 2>/dev/null); fi; "
           "if [ -z \"$z\" ] && has wc; then z=$(wc -c < \"$f\" 2>/dev/null); z=${z##* }; fi; p size \"$z\"; "
           "for x in /sys/class/block/loop*; do get \"$x/loop/backing_file\"; if [ \"$r\" = \"$f\" ]; then get "
           "\"$x/ro\"; "
           "if [ \"$r\" = 0 ]; then u \"behind the writable /dev/${x##*/}\"; fi; fi; done;; "
           "esac; "
           "p end 1";
}

} // namespace kanshiki::ssh
