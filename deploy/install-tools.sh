#!/usr/bin/env bash
# Installs kustomize as $KUBE_HOME/bin/kustomize (default /tmp/kube/bin), where the checks of the manifests look for it.
# Needs Go; takes 20 s. Not needed where kubectl >= 1.27 is installed or the test cluster is built.
set -eu
bin=${KUBE_HOME:-/tmp/kube}/bin
[ ! -x "$bin/kustomize" ] || exit 0
mkdir -p "$bin"
GOBIN=$bin go install sigs.k8s.io/kustomize/kustomize/v5@v5.8.1
"$bin/kustomize" version
