/** Shells that there is a script for. */
export const shells = ['bash', 'zsh', 'fish'] as const;

export type Shell = (typeof shells)[number];

/**
 * Completion of the command `kubectl-sharenet`. `kubectl sharenet` is completed by kubectl's own script, which asks the program
 * `kubectl_complete-sharenet`.
 */
export const completionScripts: Readonly<Record<Shell, string>> = {
  bash: `# bash completion of kubectl-sharenet
__kubectl_sharenet() {
  local line word
  COMPREPLY=()
  # Of the words before the cursor: bash splits them at = and :, which belong to ours.
  local typed="\${COMP_LINE:0:COMP_POINT}"
  local words
  read -ra words <<< "$typed"
  [[ "$typed" == *[[:space:]] ]] && words+=("")
  local current="\${words[\${#words[@]}-1]}"
  # What readline takes for the word begins after the last of these.
  local prefix=""
  [[ "$current" == *[=:]* ]] && prefix="\${current%"\${current##*[=:]}"}"
  while IFS= read -r line; do
    [[ "$line" == :* ]] && continue
    word="\${line%%$'\\t'*}"
    COMPREPLY+=("\${word#"$prefix"}")
  done < <(kubectl-sharenet __complete "\${words[@]:1}" 2>/dev/null)
}
complete -F __kubectl_sharenet kubectl-sharenet
`,
  zsh: `#compdef kubectl-sharenet
# zsh completion of kubectl-sharenet
_kubectl_sharenet() {
  local line
  local -a found
  while IFS= read -r line; do
    [[ "$line" == :* ]] && continue
    # _describe takes what follows a colon for the description.
    found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done < <(kubectl-sharenet __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  _describe 'kubectl-sharenet' found
}
compdef _kubectl_sharenet kubectl-sharenet
`,
  fish: `# fish completion of kubectl-sharenet
function __kubectl_sharenet
  set -l words (commandline -opc) (commandline -ct)
  kubectl-sharenet __complete $words[2..] 2>/dev/null | string match -v -r '^:'
end
complete -c kubectl-sharenet -f -a '(__kubectl_sharenet)'
`,
};
