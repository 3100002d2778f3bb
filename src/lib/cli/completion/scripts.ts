import { DIRECTIVE } from './candidates.js';

/**
 * Completion scripts by shell, for a program called `mdtool`. Each hands the words up to the cursor to
 * `mdtool complete word`, which prints a candidate per line (a tab stands before its description) and last `:` with the
 * directive. `complete next` says that the word at the cursor is empty: PowerShell drops empty arguments. Neither begins with
 * a dash: the script that npm installs for PowerShell loses `--`.
 */
export const SCRIPTS = { bash: bashScript(), zsh: zshScript(), fish: fishScript(), powershell: powershellScript() } as const;

/**
 * bash splits `--market=l` at the `=`. The script drops the `=`, and the flag is completed as in `--market l`. `-o default` completes file names where there is no candidate.
 */
function bashScript(): string {
  return `_mdtool() {
  local word line directive=${DIRECTIVE.files}
  local -a words=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD}"; do
    [[ $word == = ]] || words+=("$word")
  done
  [[ \${COMP_WORDS[COMP_CWORD]} == = ]] && words+=("")
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == :* ]]; then directive=\${line#:}; else COMPREPLY+=("\${line%%$'\\t'*}"); fi
  done < <(mdtool complete word "\${words[@]}" 2>/dev/null)
  (( directive & ${DIRECTIVE.noFiles} )) && compopt +o default
  (( directive & ${DIRECTIVE.directories} )) && compopt -o dirnames
  return 0
}
complete -o default -F _mdtool mdtool
`;
}

function zshScript(): string {
  return `#compdef mdtool
_mdtool() {
  local line directive
  local -a lines names shown
  lines=("\${(@f)$(mdtool complete word "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  directive=\${lines[-1]#:}
  for line in "\${(@)lines[1,-2]}"; do
    names+=("\${line%%$'\\t'*}")
    shown+=("\${line%%$'\\t'*}  \${line#*$'\\t'}")
  done
  (( $#names )) && compadd -l -d shown -a names
  if (( directive & ${DIRECTIVE.directories} )); then _files -/
  elif (( ! $#names && ! (directive & ${DIRECTIVE.noFiles}) )); then _files
  fi
}
compdef _mdtool mdtool
`;
}

function fishScript(): string {
  return `function __mdtool_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l lines (mdtool complete word $words[2..] 2>/dev/null)
  set -l directive (string sub --start 2 -- $lines[-1])
  set -e lines[-1]
  if test $directive = ${DIRECTIVE.directories}
    __fish_complete_directories (commandline -ct)
  else if test (count $lines) = 0 -a $directive = ${DIRECTIVE.files}
    __fish_complete_path (commandline -ct)
  end
  string join \\n -- $lines
end
complete -c mdtool -f -a '(__mdtool_complete)'
`;
}

/**
 * PowerShell replaces no more than the part of a word behind its last comma, so what stands before it is cut off the
 * candidates. Words behind the cursor are not asked about.
 */
function powershellScript(): string {
  return `Register-ArgumentCompleter -Native -CommandName mdtool -ScriptBlock {
  param($word, $ast, $cursor)
  $elements = @($ast.CommandElements | Select-Object -Skip 1 | Where-Object { $_.Extent.StartOffset -lt $cursor })
  $words = @($elements | ForEach-Object { $_.ToString() })
  $start = if ($elements.Count -eq 0 -or $elements[-1].Extent.EndOffset -lt $cursor) { 'next' } else { 'word' }
  $before = ''
  if ($start -eq 'word' -and $words[-1].EndsWith($word)) {
    $before = $words[-1].Substring(0, $words[-1].Length - $word.Length)
  }
  mdtool complete $start @words 2>$null | Where-Object { $_ -notmatch '^:' } | ForEach-Object {
    $name, $about = $_ -split "\`t", 2
    if (-not $about) { $about = $name }
    if ($name.StartsWith($before)) { $name = $name.Substring($before.Length) }
    [System.Management.Automation.CompletionResult]::new($name, $name, 'ParameterValue', $about)
  }
}
`;
}
