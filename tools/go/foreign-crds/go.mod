module sharenet/tools/go/foreign-crds

go 1.26.8

require (
	github.com/cert-manager/cert-manager v1.21.2
	github.com/fluxcd/kustomize-controller v1.9.5
	github.com/fluxcd/source-controller v1.9.6
	github.com/prometheus-operator/prometheus-operator v0.85.0
)
