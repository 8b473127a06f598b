#!/usr/bin/env bash
# The documented way to join a member by direct connection, each step as the kubectl call that does it.
# usage: by-hand.sh HOST-CONTEXT MEMBER-CONTEXT
set -euo pipefail
host=$1 member=$2
namespace=kubesphere-system
configuration=clusterconfigurations.installer.kubesphere.io/ks-installer

# Patches the ClusterConfiguration and follows the installer's log until it welcomes, by which the documentation tells
# that a change is in effect. The log is read from this second on: an earlier welcome does not count, and none is missed.
apply() {
  local pod now
  now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  pod=$(kubectl --context "$1" -n $namespace get pod -l 'app in (ks-install, ks-installer)' \
    -o jsonpath='{.items[0].metadata.name}')
  coproc log { exec kubectl --context "$1" -n $namespace logs "$pod" -f --since-time="$now"; }
  kubectl --context "$1" -n $namespace patch $configuration --type merge -p "$2"
  grep -q 'Welcome to KubeSphere' <&"${log[0]}"
  # shellcheck disable=SC2154  # coproc sets it
  kill "$log_PID" && wait "$log_PID" || true
}

# Prepare a Host Cluster
apply "$host" '{"spec":{"multicluster":{"clusterRole":"host"}}}'

# Prepare a Member Cluster
secret=$(kubectl --context "$host" -n $namespace get configmap kubesphere-config \
  -o jsonpath='{.data.kubesphere\.yaml}' | sed -n 's/^ *jwtSecret: *"\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' | head -n 1)
apply "$member" \
  "{\"spec\":{\"authentication\":{\"jwtSecret\":\"$secret\"},\"multicluster\":{\"clusterRole\":\"member\"}}}"

# Import the Member Cluster
kubeconfig=$(kubectl --context "$member" config view --raw --flatten --minify | base64 | tr -d '\n')
kubectl --context "$host" create -f - << CLUSTER
apiVersion: cluster.kubesphere.io/v1alpha1
kind: Cluster
metadata: {name: $member}
spec: {joinFederation: true, connection: {type: direct, kubeconfig: $kubeconfig}}
CLUSTER
kubectl --context "$host" wait --for=condition=Ready "clusters.cluster.kubesphere.io/$member" --timeout=10m
