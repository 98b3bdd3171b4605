/** down.sh ends what belongs to the test cluster, and nothing else. The cluster itself: deploy/test/kube. */
import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { ROOT } from '../docker/deployables.ts'
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
