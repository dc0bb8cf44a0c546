#!/bin/busybox sh
# First process of the test guest. What it tells on the console begins with HAVEN-, so that a test can look for it.
/bin/busybox mkdir -p /proc /sys /dev /tmp /www
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev

say() {
    echo "HAVEN-$* uptime=$(cut -d' ' -f1 /proc/uptime)"
}

# Whoever asks again while the first question is still worked on makes a slow service slower.
metadata() {
    wget -q -T 20 -O - "http://169.254.169.254/latest/$1" 2>/dev/null
}

say BOOT
while read -r module options; do
    [ -e "/lib/$module.ko" ] && insmod "/lib/$module.ko" $options
done < /etc/modules
acpid -l /dev/null 2>/dev/null

ip link set lo up
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    [ -e /sys/class/net/eth0 ] && break
    sleep 0.5
done
ip link set eth0 up
udhcpc -q -i eth0 -s /etc/dhcp-event -T 2 -O mtu -O staticroutes > /dev/null 2>&1
say "DHCP $(cat /tmp/lease)"

for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
    id=$(metadata meta-data/instance-id) && break
    sleep 2
done
name=$(metadata meta-data/hostname)
if [ -n "$id" ]; then
    say "META instance-id=$id hostname=$name"
else
    say "META-FAILED"
fi

echo "hello from ${name:-a guest} ${id:-without metadata}" > /www/index.html
httpd -p 80 -h /www

if metadata user-data > /tmp/user-data && [ "$(head -c 2 /tmp/user-data)" = '#!' ]; then
    sh /tmp/user-data
    say "USERDATA exit=$?"
fi

say READY
while :; do
    sleep 3600 &
    wait $!
done
