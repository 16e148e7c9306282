package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const scriptPrefix = "resource.customizations.health."

type argoHealth struct {
	Status  string `json:"status"`
	Message string `json:"message,omitempty"`
}

// Health scripts of a ConfigMap argocd-cm, by `<group>_<kind>`.
func readScripts(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	configMap := struct {
		Data map[string]string `json:"data"`
	}{}
	if err := yaml.Unmarshal(text, &configMap); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	scripts := map[string]string{}
	for key, value := range configMap.Data {
		if kind, found := strings.CutPrefix(key, scriptPrefix); found {
			scripts[kind] = value
		}
	}
	return scripts, nil
}

// What Argo CD makes of an object: it asks the script only of objects that are not being deleted.
func argoHealthOf(object *unstructured.Unstructured, scripts map[string]string) (*argoHealth, error) {
	if object.GetDeletionTimestamp() != nil {
		return &argoHealth{Status: "Progressing", Message: "Pending deletion"}, nil
	}
	kind := object.GroupVersionKind()
	script, found := scripts[kind.Group+"_"+kind.Kind]
	if !found {
		return nil, nil
	}
	return runScript(object, script)
}

// Runs a script as Argo CD does where `useOpenLibs` is not set: one second, and of Lua's libraries only base, package and table.
func runScript(object *unstructured.Unstructured, script string) (*argoHealth, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	libraries := []struct {
		name string
		open lua.LGFunction
	}{
		// The first has to be the first.
		{lua.LoadLibName, lua.OpenPackage},
		{lua.BaseLibName, lua.OpenBase},
		{lua.TabLibName, lua.OpenTable},
	}
	for _, library := range libraries {
		call := lua.P{Fn: state.NewFunction(library.open), Protect: true}
		if err := state.CallByParam(call, lua.LString(library.name)); err != nil {
			return nil, err
		}
	}
	limit, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	state.SetContext(limit)
	state.SetGlobal("obj", luaValue(state, object.Object))
	if err := state.DoString(script); err != nil {
		return nil, err
	}
	answer, isTable := state.Get(-1).(*lua.LTable)
	if !isTable {
		return nil, fmt.Errorf("the script answers a %s, not a table", state.Get(-1).Type())
	}
	health := &argoHealth{Status: lua.LVAsString(answer.RawGetString("status"))}
	health.Message = lua.LVAsString(answer.RawGetString("message"))
	switch health.Status {
	case "Healthy", "Progressing", "Degraded", "Suspended", "Missing", "Unknown":
		return health, nil
	default:
		return nil, fmt.Errorf("the script answers status %q, which Argo CD does not know", health.Status)
	}
}

func luaValue(state *lua.LState, value any) lua.LValue {
	switch known := value.(type) {
	case bool:
		return lua.LBool(known)
	case string:
		return lua.LString(known)
	case int64:
		return lua.LNumber(known)
	case float64:
		return lua.LNumber(known)
	case []any:
		table := state.NewTable()
		for _, item := range known {
			table.Append(luaValue(state, item))
		}
		return table
	case map[string]any:
		table := state.NewTable()
		for key, item := range known {
			table.RawSetString(key, luaValue(state, item))
		}
		return table
	default:
		return lua.LNil
	}
}
