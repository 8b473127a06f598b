# Process 1 of a node, in mount and PID namespaces of its own: a container runtime, its image, and the kubelet.
set -eu
folder=$1 kubelet=$2 name=$3 address=$4
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY

# What the machine's own container runtime and kubelet may have there stays unseen and untouched.
for place in /run /var/lib /var/log; do
  mount -t tmpfs node "$place"
done

# The kubelet sets these for the whole machine, unless it finds them set.
for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
  kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
  file=/run/setting-$(basename "${setting%=*}")
  echo "${setting#*=}" > "$file"
  mount --bind "$file" "/proc/sys/${setting%=*}"
done

# Names are looked up in /etc/hosts only: the answer is the same on every machine, and at once.
if [ -e /etc/nsswitch.conf ]; then
  echo 'hosts: files' > /run/nsswitch.conf
  mount --bind /run/nsswitch.conf /etc/nsswitch.conf
fi

containerd --config "$folder/containerd.toml" > "$folder/containerd.log" 2>&1 &
until ctr version > /dev/null 2>&1; do
  sleep 0.05
done
if [ -e "$folder/image.tar" ]; then
  ctr --namespace k8s.io image import "$folder/image.tar"
fi
"$kubelet" --kubeconfig="$folder/kubeconfig" --config="$folder/kubelet.json" \
  --hostname-override="$name" --node-ip="$address" > "$folder/kubelet.log" 2>&1
