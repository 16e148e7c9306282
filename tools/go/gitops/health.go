package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/fluxcd/pkg/runtime/conditions/check"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type verdict struct {
	// What kstatus takes it to be, and so Flux and kubectl-based tools.
	KStatus string `json:"kstatus"`
	Message string `json:"message"`
	// What Flux's checker of conditions finds wrong.
	Wrong string `json:"wrong,omitempty"`
	// What Argo CD shows; absent for a kind without a script.
	Argo *argoHealth `json:"argo,omitempty"`
}

func health(configMap string, in io.Reader, out io.Writer) error {
	scripts, err := readScripts(configMap)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 4<<20)
	answers := json.NewEncoder(out)
	for lines.Scan() {
		// By this and no other decoder: kstatus needs whole numbers to be integers.
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(lines.Bytes()); err != nil {
			return fmt.Errorf("an object can't be read: %w", err)
		}
		judged, err := judge(object, scripts)
		if err != nil {
			return fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
		}
		if err := answers.Encode(judged); err != nil {
			return err
		}
	}
	return lines.Err()
}

func judge(object *unstructured.Unstructured, scripts map[string]string) (*verdict, error) {
	result, err := status.Compute(object)
	if err != nil {
		return nil, err
	}
	judged := &verdict{KStatus: string(result.Status), Message: result.Message}
	fail, warn := checkerFor(result.Status).Check(context.Background(), conditions.UnstructuredGetter(object))
	for _, wrong := range []error{fail, warn} {
		if wrong != nil {
			judged.Wrong += wrong.Error()
		}
	}
	judged.Argo, err = argoHealthOf(object, scripts)
	return judged, err
}

// The rules of a settled object are stricter than those of one at work.
func checkerFor(taken status.Status) *check.Checker {
	checker := check.NewInProgressChecker(nil)
	if taken == status.CurrentStatus || taken == status.FailedStatus {
		checker = check.NewChecker(nil, &check.Conditions{NegativePolarity: []string{"Stalled", "Reconciling"}})
	}
	checker.DisableFetch = true
	return checker
}
