/**
 * Ends the git processes of a server that was killed: a fetch from a remote that says nothing would else wait for ever,
 * with nobody left to end it. A shell reads the groups that run from a pipe, and ends them when the pipe does.
 */
import { spawn, type ChildProcess } from 'node:child_process'

const SCRIPT = `
groups=' '
while read -r mark group; do
  case "$mark" in
    +) groups="$groups$group " ;;
    -) groups="\${groups%% $group *} \${groups#* $group }" ;;
  esac
done
for group in $groups; do kill -9 "-$group"; done
`

let watcher: ChildProcess | undefined

/**
 * Starts a process at the head of a group of its own that ends with this process, and what to call when it has ended
 * by itself. The watcher is there first: a server killed between the two leaves nothing.
 */
export function guarded<C extends ChildProcess> (start: () => C): { child: C, unguard: () => void } {
  const { stdin } = watcher ?? startWatcher()
  const child = start()
  const tell = (mark: '+' | '-'): void => { if (stdin?.writable === true) stdin.write(`${mark} ${child.pid}\n`) }
  if (child.pid !== undefined) tell('+')
  return { child, unguard: () => { if (child.pid !== undefined) tell('-') } }
}

// A group of its own: who kills all of the server's must not kill this first. Without a shell nothing is guarded.
function startWatcher (): ChildProcess {
  const child = spawn('/bin/sh', ['-c', SCRIPT], { detached: true, stdio: ['pipe', 'ignore', 'ignore'], env: {} })
  const forget = (): void => { if (watcher === child) watcher = undefined }
  child.on('error', forget).on('exit', forget)
  child.stdin?.on('error', forget)
  child.unref()
  const { stdin } = child
  if (stdin !== null && 'unref' in stdin && typeof stdin.unref === 'function') stdin.unref()
  watcher = child
  return child
}
