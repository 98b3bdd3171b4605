#!/usr/bin/env bash
# Installs kustomize and Helm into $KUBE_HOME/bin (default /tmp/kube/bin), where the checks of the manifests and of the chart
# look for them. Needs Go; kustomize takes 20 s, Helm minutes. Kustomize is not needed where kubectl >= 1.27 is installed or
# the test cluster is built.
#   deploy/install-tools.sh        kustomize
#   deploy/install-tools.sh helm   Helm as well
set -eu
bin=${KUBE_HOME:-/tmp/kube}/bin
mkdir -p "$bin"
if [ ! -x "$bin/kustomize" ]; then
  GOBIN=$bin go install sigs.k8s.io/kustomize/kustomize/v5@v5.8.1
  "$bin/kustomize" version
fi
if [ "${1:-}" = helm ] && [ ! -x "$bin/helm" ]; then
  GOBIN=$bin CGO_ENABLED=0 go install -ldflags '-s -w' helm.sh/helm/v3/cmd/helm@v3.22.0
  "$bin/helm" version --short
fi
