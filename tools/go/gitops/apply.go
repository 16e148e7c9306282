package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling"
	"github.com/fluxcd/pkg/ssa"
	"github.com/fluxcd/pkg/ssa/normalize"
	"github.com/fluxcd/pkg/ssa/utils"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// Applies manifests and waits for them as Flux does for a Kustomization with `wait: true`: all are tried first, none is
// applied if the API server refuses one; the first that has failed ends the wait.
func apply(kubeconfig, name string, in io.Reader, out io.Writer) error {
	objects, err := utils.ReadObjects(in)
	if err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	manager, err := resourceManager(config)
	if err != nil {
		return err
	}
	manager.SetOwnerLabels(objects, name, "flux-system")
	if err := normalize.UnstructuredList(objects); err != nil {
		return err
	}
	options := ssa.DefaultApplyOptions()
	options.WaitInterval = 100 * time.Millisecond
	// What was set by kubectl, or by a program whose name begins like that, is undone.
	for _, operation := range []metav1.ManagedFieldsOperationType{metav1.ManagedFieldsOperationApply, metav1.ManagedFieldsOperationUpdate} {
		kubectl := ssa.FieldManager{Name: "kubectl", OperationType: operation}
		options.Cleanup.FieldManagers = append(options.Cleanup.FieldManagers, kubectl)
	}
	options.Cleanup.Exclusions = map[string]string{"kustomize.toolkit.fluxcd.io/ssa": "Merge"}
	changes, err := manager.ApplyAllStaged(context.Background(), objects, options)
	if err != nil {
		return err
	}
	for _, change := range changes.Entries {
		fmt.Fprintln(out, change.String())
	}
	return manager.WaitForSet(changes.ToObjMetadataSet(), ssa.WaitOptions{
		Interval: 100 * time.Millisecond,
		Timeout:  40 * time.Second,
		FailFast: true,
	})
}

func resourceManager(config *rest.Config) (*ssa.ResourceManager, error) {
	http, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	mapper, err := apiutil.NewDynamicRESTMapper(config, http)
	if err != nil {
		return nil, err
	}
	kube, err := client.New(config, client.Options{HTTPClient: http, Mapper: mapper})
	if err != nil {
		return nil, err
	}
	poller := polling.NewStatusPoller(kube, mapper, polling.Options{})
	// The name under which Flux writes.
	owner := ssa.Owner{Field: "kustomize-controller", Group: "kustomize.toolkit.fluxcd.io"}
	manager := ssa.NewResourceManager(kube, poller, owner)
	manager.SetConcurrency(4)
	return manager, nil
}
