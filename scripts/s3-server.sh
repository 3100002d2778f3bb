#!/usr/bin/env bash
# A real S3 server on 127.0.0.1: the gateway of Ceph from Debian, with its data in memory. CI, the tests and docs/beyond-one-machine.md use it.
#   apt-get install --no-install-recommends ceph-mon ceph-osd radosgw ceph-common
#   scripts/s3-server.sh start DIR [PORT]   prints the variables that point mdtool at it; the bucket is `market`
#   scripts/s3-server.sh stop DIR
set -euo pipefail

usage() { sed -n '2,5s/^# *//p' "$0" >&2; exit 2; }
[ $# -ge 2 ] || usage
action=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd)
port=${3:-7480}
bucket=market
key=mdtool-test
secret=mdtool-test-secret

stop() {
  for daemon in rgw osd mon; do
    [ -f "$dir/$daemon.pid" ] && kill "$(cat "$dir/$daemon.pid")" 2>/dev/null || true
    rm -f "$dir/$daemon.pid"
  done
}

# Waits for a command to succeed; a server that never comes up must not block a run of tests for ever.
await() {
  for _ in $(seq 1 150); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.2
  done
  echo "no answer: $*; see $dir/*.log" >&2
  stop
  exit 1
}

daemon() {
  local name=$1
  shift
  nohup "$@" >"$dir/$name.log" 2>&1 </dev/null &
  echo $! >"$dir/$name.pid"
}

config() {
  local fsid=$1 monitor=$2
  cat >"$dir/ceph.conf" <<END
[global]
fsid = $fsid
mon host = v2:127.0.0.1:$monitor
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
keyring = $dir/keyring
run dir = $dir
admin socket =
log file =
mon cluster log file = $dir/cluster.log
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd crush chooseleaf type = 0
osd crush update on start = true
mon allow pool size one = true
mon max pg per osd = 1000
mon data avail crit = 1
mon data avail warn = 1
mon data = $dir/mon
osd data = $dir/osd
osd objectstore = memstore
memstore device bytes = 2147483648
rgw data = $dir/rgw
rgw enable usage log = false
rgw thread pool size = 32
END
}

start() {
  local monitor=$((port + 1)) fsid
  fsid=$(cat /proc/sys/kernel/random/uuid)
  mkdir -p "$dir/mon" "$dir/osd" "$dir/rgw"
  config "$fsid" "$monitor"
  export CEPH_CONF="$dir/ceph.conf"
  # Without keys between the daemons the gateway never connects.
  ceph-authtool --create-keyring "$dir/keyring" --gen-key -n mon. --cap mon 'allow *' >>"$dir/keys.log"
  ceph-authtool "$dir/keyring" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *' >>"$dir/keys.log"
  ceph-authtool "$dir/keyring" --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *' >>"$dir/keys.log"
  monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$monitor]" --clobber "$dir/monmap" >/dev/null
  ceph-mon --mkfs -i a --monmap "$dir/monmap" --keyring "$dir/keyring" >"$dir/mon.log" 2>&1
  daemon mon ceph-mon -f -i a
  await timeout 5 ceph mon stat
  local osd
  osd=$(cat /proc/sys/kernel/random/uuid)
  ceph osd new "$osd" >/dev/null 2>&1
  ceph auth import -i "$dir/keyring" >/dev/null 2>&1
  ceph-osd --mkfs -i 0 --osd-uuid "$osd" >"$dir/osd.log" 2>&1
  daemon osd ceph-osd -f -i 0
  await sh -c 'timeout 5 ceph osd stat | grep -q "1 up"'
  radosgw-admin user create --uid=mdtool --display-name=mdtool --access-key="$key" --secret-key="$secret" >"$dir/user.log" 2>&1
  daemon rgw radosgw -f -n client.admin --rgw-frontends="beast endpoint=127.0.0.1:$port"
  await curl -fsS "http://127.0.0.1:$port/"
  await bucket
  echo "MDTOOL_S3_ENDPOINT=http://127.0.0.1:$port"
  echo "AWS_ACCESS_KEY_ID=$key"
  echo "AWS_SECRET_ACCESS_KEY=$secret"
  echo "AWS_REGION=us-east-1"
}

bucket() {
  (cd "$(dirname "$0")/.." && node --input-type=module -e "
    import { AwsClient } from 'aws4fetch';
    const client = new AwsClient({ accessKeyId: '$key', secretAccessKey: '$secret', service: 's3', region: 'us-east-1', retries: 0 });
    const { ok } = await client.fetch('http://127.0.0.1:$port/$bucket', { method: 'PUT' });
    process.exit(ok ? 0 : 1);")
}

case $action in
  start) start ;;
  stop) stop ;;
  *) usage ;;
esac
