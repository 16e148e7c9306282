// Program gitops does to objects what Flux and Argo CD do, by their own libraries.
//
//	gitops health CONFIGMAP       objects on standard input, one JSON a line: a verdict of each on standard output
//	gitops apply KUBECONFIG NAME  manifests on standard input: applied and waited for as a Kustomization of that name is
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "health":
		return health(args[1], os.Stdin, os.Stdout)
	case len(args) == 3 && args[0] == "apply":
		return apply(args[1], args[2], os.Stdin, os.Stdout)
	default:
		return fmt.Errorf("usage: gitops health CONFIGMAP | gitops apply KUBECONFIG NAME")
	}
}
