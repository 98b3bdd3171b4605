/** down.sh ends what belongs to the test cluster, and nothing else. The cluster itself: deploy/test/kube. */
import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { ROOT } from '../docker/deployables.ts'
import { follow } from './kube/follow.ts'
import type { ChildProcess } from 'node:child_process'
import type { Test } from 'tap'

const skip = spawnSync('pgrep', ['--version']).error === undefined ? false : 'needs pgrep'

/** A process that looks like the shim of a container: `cat`, which waits without arguments. */
async function shim (t: Test, socket: string): Promise<ChildProcess> {
  const line = `/usr/bin/containerd-shim-runc-v2 -namespace k8s.io -id ee537dda -address ${socket}`
  const child = spawn('cat', [], { argv0: line, stdio: ['pipe', 'pipe', 'ignore'] })
  t.teardown(() => child.kill('SIGKILL'))
  child.stdin.write('up')
  await once(child.stdout, 'data')
  return child
}

t.test('a shim that stayed behind is ended, that of another containerd is not', { skip }, async (t) => {
  const home = t.testdir({})
  mkdirSync(join(home, 'run'))
  writeFileSync(join(home, 'run/mode'), 'control\n')
  const ours = await shim(t, join(home, 'run/containerd.sock'))
  const theirs = await shim(t, join(home, 'other/containerd.sock'))
  const ended = once(ours, 'exit')
  await promisify(execFile)(join(ROOT, 'deploy/test-cluster/down.sh'), [], { env: { ...process.env, KUBE_HOME: home }, timeout: 120_000 })
  t.same(await ended, [null, 'SIGKILL'])
  t.same([theirs.exitCode, theirs.signalCode], [null, null])
})

t.test('what a script of the cluster says is told while it runs, and its end when it fails', async (t) => {
  const go = join(t.testdir({}), 'go')
  const heard: string[] = []
  // It ends only when somebody has heard its first line.
  const text = 'echo building; until [ -e "$GO" ]; do sleep 0.05; done; echo up >&2'
  const onLine = (line: string) => { heard.push(line); writeFileSync(go, '') }
  const env = { ...process.env, GO: go }
  await follow('/bin/sh', ['-c', text], { env, timeoutMs: 60_000, onLine })
  t.same(heard, ['building', 'up'])
  await t.rejects(follow('/bin/sh', ['-c', 'echo no disk; exit 3'], { env, timeoutMs: 60_000, onLine: () => {} }),
    /ended with 3:\nno disk/)
})
