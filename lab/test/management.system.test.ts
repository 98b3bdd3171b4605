/** The platform's servers with a port for operators. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { t } from 'tap'

const ROOT = join(import.meta.dirname, '../..')
const SERVERS = [
  { script: 'discovery/main.ts', path: '/eureka/apps', args: [] },
  { script: 'config-server/main.ts', path: '/shop/default', args: ['--spring.profiles.active=native', '--spring.cloud.config.server.native.search-locations=file:/tmp/'] },
  { script: 'messaging/main.ts', path: '/queues', args: [] }
]

for (const { script, path, args } of SERVERS) {
  t.test(`${script}: with management.server.port the actuator answers there, and there alone`, async t => {
    const child = spawn(process.execPath, [join(ROOT, script), '--port', '0', '--management.server.port=0',
      `--breakwater.data.dir=${t.testdir()}`, ...args], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], cwd: t.testdir() })
    t.teardown(() => child.kill('SIGKILL'))
    const [{ url, management }] = await once(child, 'message') as [{ url: string, management: string }]
    const status = async (at: string) => (await fetch(at)).status
    t.equal(await status(`${management}/actuator/health`), 200)
    t.match(await (await fetch(`${management}/actuator/prometheus`)).text(), /process_cpu_seconds_total/)
    t.equal(await status(`${url}/actuator/health`), 404)
    t.equal(await status(`${url}${path}`), 200)
    t.equal(await status(`${management}${path}`), 404)
    child.kill('SIGTERM')
    await once(child, 'exit')
    t.equal(child.exitCode, 0, 'and both end')
  })
}
