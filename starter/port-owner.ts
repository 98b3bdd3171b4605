/** Who holds a TCP port: asked once, when binding failed, so that the error can name the process to stop. */
import { readdir, readFile, readlink } from 'node:fs/promises'

/** `pid 3122 (node other.js)`, or undefined where the system does not tell (not Linux, another user's process). */
export async function portOwner (port: number, proc = '/proc'): Promise<string | undefined> {
  try {
    const inodes = await listeningInodes(port, proc)
    if (inodes.size === 0) return undefined
    for (const pid of await readdir(proc)) {
      if (/^\d+$/.test(pid) && await holdsSocket(`${proc}/${pid}`, inodes)) {
        return `pid ${pid} (${await commandOf(`${proc}/${pid}`)})`
      }
    }
  } catch {
    // No /proc here: the error is then told without the process.
  }
  return undefined
}

/** Lines of /proc/net/tcp are `sl local rem st ...  inode`; state 0A is LISTEN, addresses are hex `ADDR:PORT`. */
async function listeningInodes (port: number, proc: string): Promise<Set<string>> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const inodes = new Set<string>()
  for (const table of ['tcp', 'tcp6']) {
    const text = await readFile(`${proc}/net/${table}`, 'utf8').catch(() => '')
    for (const line of text.split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/)
      if (fields[3] === '0A' && fields[1]?.endsWith(suffix) && fields[9] !== undefined) inodes.add(fields[9])
    }
  }
  return inodes
}

async function holdsSocket (folder: string, inodes: Set<string>): Promise<boolean> {
  const descriptors = await readdir(`${folder}/fd`).catch(() => [])
  for (const descriptor of descriptors) {
    const target = await readlink(`${folder}/fd/${descriptor}`).catch(() => '')
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1]
    if (inode !== undefined && inodes.has(inode)) return true
  }
  return false
}

/** Program and script only: the arguments behind them may hold secrets. */
async function commandOf (folder: string): Promise<string> {
  const text = await readFile(`${folder}/cmdline`, 'utf8').catch(() => '')
  const words = text.split('\0').filter(word => word !== '' && !word.startsWith('-')).slice(0, 2)
  return words.map(word => word.split('/').at(-1)).join(' ').slice(0, 80) || 'unknown'
}
