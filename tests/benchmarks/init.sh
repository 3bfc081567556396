#!/bin/sh
# Init of the benchmark's guest: the same on Pocketvisor and on QEMU. Each job stands between two lines that
# the host stamps; busybox is the only program.
mount -t proc proc /proc
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
echo "BENCH-INIT up=$(cat /proc/uptime)"
case "$(cat /proc/cmdline)" in
*bench=jobs*)
    cat /bin/busybox /bin/busybox /bin/busybox /bin/busybox > /tmp/b
    echo "B-BEGIN sha256sum"
    sha256sum /tmp/b /tmp/b /tmp/b
    echo "B-END sha256sum"
    echo "B-BEGIN gzip"
    gzip -c /tmp/b | md5sum
    echo "B-END gzip"
    echo "B-BEGIN awk"
    awk 'BEGIN { s = 0; for (i = 0; i < 400000; i++) { s += i * 1.5; x = x "" } print s }'
    echo "B-END awk"
    echo "B-BEGIN fork+exec"
    i=0
    while [ $i -lt 150 ]; do
        /bin/busybox true
        i=$((i + 1))
    done
    echo "B-END fork+exec"
    echo "B-BEGIN dd"
    dd if=/dev/zero of=/dev/null bs=1 count=100000 2>&1
    echo "B-END dd"
    echo "B-BEGIN shell loop"
    i=0
    while [ $i -lt 60000 ]; do i=$((i + 1)); done
    echo "B-END shell loop"
    ;;
*bench=spin*)
    # For speed over time: one line for each slice of work, for ever.
    while true; do
        i=0
        while [ $i -lt 2000 ]; do i=$((i + 1)); done
        echo "SLICE"
    done
    ;;
esac
echo "BENCH-DONE"
exec sh
