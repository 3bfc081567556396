#!/bin/sh
# Init of the guest whose past is searched: a word of its kernel is written twice, then it works, or waits.
mount -t proc proc /proc
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
cat /bin/busybox > /tmp/b
echo 324508639 > /proc/sys/kernel/panic
echo "REWIND-INIT"
sleep 3
echo 610839776 > /proc/sys/kernel/panic
echo "REWIND-WRITTEN"
case "$(cat /proc/cmdline)" in
*rewind=work*)
    i=0
    while true; do
        gzip -c /tmp/b > /tmp/z
        i=$((i + 1))
        echo "LAP $i"
    done
    ;;
*)
    while true; do
        sleep 1
        echo "SECOND"
    done
    ;;
esac
