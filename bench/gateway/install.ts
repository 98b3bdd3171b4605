/** Installs what ours is measured beside, where the machine lets us: as root on Debian. Services are not started. */
import { spawnSync } from 'node:child_process'
import { isInstalled } from './processes.ts'

const PACKAGES = new Map([['wrk', 'wrk'], ['nginx', 'nginx-light'], ['haproxy', 'haproxy']])
const NEEDED = ['wrk', 'nginx']
const DEADLINE_MS = 300_000
/** invoke-rc.d starts nothing in this runlevel: no web server is to come up because somebody measured. */
const QUIETLY = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }

/** Ends the process, saying what to do, when what cannot be left out is not there in the end. */
export function installPeers (): void {
  const missing = [...PACKAGES.keys()].filter((command) => !isInstalled(command))
  if (missing.length > 0 && process.getuid?.() === 0 && isInstalled('apt-get')) {
    const packages = missing.map((command) => PACKAGES.get(command)!)
    console.log(`installing ${packages.join(' ')}`)
    apt('update')
    apt('install', '-y', '--no-install-recommends', ...packages)
  }
  const lacking = NEEDED.filter((command) => !isInstalled(command))
  if (lacking.length === 0) return
  console.error(`${lacking.join(' and ')} cannot be installed here: on Debian, apt-get install wrk nginx-light haproxy`)
  process.exit(1)
}

function apt (...args: readonly string[]): void {
  spawnSync('apt-get', ['-qq', ...args], { env: { ...process.env, ...QUIETLY }, stdio: 'ignore', timeout: DEADLINE_MS })
}
