#!/usr/bin/env bash
# BTC Watcher on a kind cluster of its own: builds the three images with Docker, loads them, installs the chart with the bundled
# Postgres, and applies the examples. Their bots trade in dry run against the real exchange, for there is no paper exchange here.
set -euo pipefail
cd "$(dirname "$0")/.."
cluster=${BTCWATCHER_KIND_CLUSTER:-btcwatcher}
helm=.tools/helm/helm-4

for tool in docker kind kubectl; do
    command -v "$tool" >/dev/null || { echo "make kind needs $tool: install it, or try the embedded cluster (make run)" >&2; exit 1; }
done
docker info >/dev/null 2>&1 || { echo "Docker does not answer: is it started, and may you use it?" >&2; exit 1; }

version=$(sed -n 's/^appVersion: *"\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' helm/btc-watcher/Chart.yaml)
docker build -t "btcwatcher/operator:$version" -f images/operator/Dockerfile .
docker build -t "btcwatcher/api:$version" -f images/api/Dockerfile .
docker build -t "btcwatcher/freqtrade:$version" images/freqtrade

kind get clusters | grep -qx "$cluster" || kind create cluster --name "$cluster" --wait 120s
kind load docker-image --name "$cluster" "btcwatcher/operator:$version" "btcwatcher/api:$version" "btcwatcher/freqtrade:$version"

context=kind-$cluster
"$helm" upgrade --install btcwatcher helm/btc-watcher --kube-context "$context" --namespace btcwatcher --create-namespace \
    --set database.bundled.enabled=true --wait --timeout 300s
kubectl --context "$context" apply -f manifests/examples/namespace.yaml
kubectl --context "$context" apply -f manifests/examples
kubectl --context "$context" get strategies -A
echo "kubectl --context $context get strategies -A --watch    shows them start; kind delete cluster --name $cluster removes all"
