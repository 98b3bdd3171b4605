#!/usr/bin/env bash
# Builds the images, loads them into the cluster that kubectl points at, and applies the overlay made for it.
#   deploy/minikube.sh              build, load, apply, wait; then forward http://127.0.0.1:8080 until Ctrl-C
#   deploy/minikube.sh --no-forward the same, and return
#   deploy/minikube.sh --delete     remove everything again
# Works with minikube, kind and deploy/test-cluster (chosen by the name of kubectl's context); a cluster of another kind
# must be able to pull the images: set REGISTRY=registry.example.org/team to push them there.
# SERVICES="users orders" builds only these images, SERVICES= none. OVERLAY=migration takes another overlay.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
PATH=$root/node_modules/.bin:${KUBE_HOME:-/tmp/kube}/bin:$PATH
tag=dev
context=$(kubectl config current-context)
usual=minikube
[ "$context" = kube ] && usual=test-cluster
overlay=$here/kubernetes/overlays/${OVERLAY:-$usual}
services=${SERVICES-$(kubectl kustomize "$overlay" | sed -n "s,^ *image: breakwater/\\([a-z-]*\\):$tag\$,\\1,p" | sort -u)}

say() { echo "[$(date +%H:%M:%S)] $*"; }

if [ "${1:-}" = --delete ]; then
  exec kubectl delete -k "$overlay" --ignore-not-found --wait
fi

# The test cluster has no Docker: the same Dockerfiles are carried out by a script.
build_without_docker() {
  local work; work=$(mktemp -d)
  node "$here/docker/build.ts" "$1" "$work"
  "$here/test-cluster/image.sh" "breakwater/$1:$tag" "$work"
  rm -rf "$work"
}

cd "$root"
# Behind a proxy: a private registry, an authority of its own, another place of the base image. The bash of macOS takes an
# empty list for an unset name, hence the +.
build=()
build+=(--build-arg "VERSION=$tag" --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)")
[ -z "${NPMRC:-}" ] || build+=(--secret "id=npmrc,src=$NPMRC")
[ -z "${BUILD_CA:-}" ] || build+=(--secret "id=ca,src=$BUILD_CA")
[ -z "${NODE_IMAGE:-}" ] || build+=(--build-arg "NODE_IMAGE=$NODE_IMAGE")
for name in $services; do
  say "image breakwater/$name:$tag for $context"
  if [ "$context" = kube ]; then
    build_without_docker "$name"
    continue
  fi
  image=${REGISTRY:+$REGISTRY/}breakwater/$name:$tag
  docker build --quiet ${build[@]+"${build[@]}"} --file "deploy/docker/$name.Dockerfile" --tag "$image" .
  case $context in
    minikube*) minikube --profile "$context" image load "$image" ;;
    kind-*) kind load docker-image --name "${context#kind-}" "$image" ;;
    *) [ -n "${REGISTRY:-}" ] || { echo "$context: set REGISTRY to where the cluster pulls its images from" >&2; exit 2; }
       docker push "$image" ;;
  esac
done

# Passwords are made here, once, and stand in no file. The stores keep theirs, so a second run must not change them.
password() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
has() { kubectl -n breakwater get "$@" >/dev/null 2>&1; }
make_secrets() {
  local word
  has namespace breakwater || kubectl create namespace breakwater
  if ! has secret admin; then
    echo "password=$(password)" | kubectl -n breakwater create secret generic admin --from-env-file=/dev/stdin
  fi
  if [ "$context" = kube ] || has secret stores; then return; fi
  word=$(password)
  {
    echo "postgres-password=$word"
    echo "redis-password=$word"
    for name in users orders payments order-history; do
      echo "$name=postgres://breakwater:$word@postgres:5432/$name"
    done
    echo "inventory=redis://:$word@redis:6379"
  } | kubectl -n breakwater create secret generic stores --from-env-file=/dev/stdin
}
make_secrets

say "applying $overlay"
before=$(kubectl -n breakwater get deployments -o name)
if [ -n "${REGISTRY:-}" ]; then
  kubectl kustomize "$overlay" | sed "s,image: breakwater/,image: $REGISTRY/breakwater/," | kubectl apply -f -
else
  kubectl apply -k "$overlay"
fi
# The images keep their tag while their content changes, so pods that ran before are replaced.
for name in $services; do
  case $before in *"deployment.apps/$name"*) kubectl -n breakwater rollout restart "deployment/$name" >/dev/null ;; esac
done
for name in $(kubectl -n breakwater get deployments -o name); do
  kubectl -n breakwater rollout status "$name" --timeout "${TIMEOUT:-180s}"
done

[ "${1:-}" != --no-forward ] || exit 0
say "ready: curl -s http://127.0.0.1:8080/users/... (Ctrl-C ends the forwarding, not the services)"
exec kubectl -n breakwater port-forward service/gateway 8080:80
