/**
 * Ends the process groups of commands when this process has gone without doing so, by SIGKILL or a crash: a shell that
 * reads which groups there are, and acts when its input ends. Scripts need none: they see their channel end.
 */
import { spawn, type ChildProcess } from 'node:child_process'

const SHELL = `trap '' INT TERM HUP
groups=' '
while read -r op group; do
  case $op in
    +) groups="$groups$group ";;
    -) groups="\${groups%% $group *} \${groups#* $group }";;
  esac
done
for group in $groups; do kill -TERM "-$group" 2>/dev/null; done
sleep 5
for group in $groups; do kill -KILL "-$group" 2>/dev/null; done`

export class Leash {
  #shell: ChildProcess | undefined

  /** From now on this group ends with us. */
  hold (group: number): void {
    this.#shell ??= this.#start()
    this.#shell.stdin?.write(`+ ${group}\n`)
  }

  /** It has gone: its number may be another's tomorrow. */
  release (group: number): void {
    this.#shell?.stdin?.write(`- ${group}\n`)
  }

  /** All have gone. */
  end (): void {
    this.#shell?.kill('SIGKILL')
    this.#shell = undefined
  }

  #start (): ChildProcess {
    const shell = spawn('sh', ['-c', SHELL], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
    shell.on('error', () => {})
    shell.stdin?.on('error', () => {})
    shell.unref()
    return shell
  }
}
