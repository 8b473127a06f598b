# In the network namespace of a node: links it to the outside, then starts the node in further namespaces.
# The outside is named by a process that is in it. The link goes with the namespace, and with it its addresses.
set -eu
outside=$1 link=$2 address=$3 host=$4 member=$5 nowhere=$6 route=$7 folder=$8
shift 8
ip link add eth0 type veth peer name "$link" netns "$outside"
ip link set lo up
ip address add "$address" peer "$host" dev eth0
ip link set eth0 up
ip route add default via "$host" dev eth0
ip neighbour add "$nowhere" lladdr 02:00:00:00:00:01 nud permanent dev eth0
ip route replace $route
nsenter --target "$outside" --net sh -eu -c '
  ip address add "$2" peer "$3" dev "$1"
  ip address add "$4" dev "$1"
  ip link set "$1" up
' outside "$link" "$host" "$address" "$member"
exec unshare --mount --pid --fork --kill-child --mount-proc sh "$folder/node.sh" "$folder" "$@"
