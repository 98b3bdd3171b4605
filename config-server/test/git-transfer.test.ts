/** Clones and fetches that are slow, silent, ended half way, or have no room: nothing is lost, nothing is left. */
import { execFileSync, fork, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, cpSync, readFileSync, rmSync } from 'node:fs'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { runGit } from '../backends/git/git-process.ts'
import { gitDaemon, commitAll, startGit, workTree, type WorkTree } from './git-support.ts'
import { ask, eventually, folder, type Teardown } from './support.ts'

const problemOf = async (url: string): Promise<string> =>
  (await ask(url, '/actuator/health')).json.components.configServer.details.error ?? ''

interface Remote {
  readonly tree: WorkTree
  readonly daemon: string
}

/** A repository on a daemon; pushes go there. */
async function remote (t: Teardown, files: Record<string, string | Buffer>): Promise<Remote> {
  const tree = await workTree(t, files)
  const base = await folder(t)
  tree.git('clone', '-q', '--bare', '.', join(base, 'config.git'))
  tree.git('remote', 'add', 'origin', join(base, 'config.git'))
  await writeFile(join(base, 'gitconfig'), '[safe]\n\tdirectory = *\n')
  return { tree, daemon: await gitDaemon(t, base) }
}

/** A link that passes so many bytes a second, and can fall silent. */
async function slowLink (t: Teardown, daemon: string, bytesPerSecond: number) {
  const link = { isSilent: false, passed: 0, url: '' }
  const sockets = new Set<Socket>()
  const server = createServer(near => {
    const far = connect(Number(new URL(daemon).port), '127.0.0.1')
    for (const socket of [near, far]) sockets.add(socket.on('error', () => {}))
    near.pipe(far)
    far.on('end', () => near.end()).on('data', (chunk: Buffer) => {
      far.pause()
      near.write(chunk)
      link.passed += chunk.length
      setTimeout(() => { if (!link.isSilent) far.resume() }, chunk.length / bytesPerSecond * 1000)
    })
    near.on('close', () => far.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  link.url = `git://127.0.0.1:${(server.address() as { port: number }).port}/config.git`
  return link
}

const mirrorOf = async (basedir: string): Promise<string | undefined> =>
  (await readdir(basedir)).filter(name => name.endsWith('.git')).map(name => join(basedir, name))[0]

async function leftovers (basedir: string): Promise<string[]> {
  const names = await readdir(basedir, { recursive: true })
  return names.filter(name => /tmp_|\.lock$|\.tmp-/.test(name))
}

const BULK = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`bulk/${i}.bin`, randomBytes(20_000)]))

t.test('a clone that takes far longer than git.timeout arrives; meanwhile it is said what is going on', async t => {
  const { daemon } = await remote(t, { 'svc.yml': 'k: 1', ...BULK })
  const link = await slowLink(t, daemon, 400_000)
  const basedir = await folder(t)
  const { url } = await startGit(t, { uri: link.url, timeoutMs: 500, refreshMs: 100, basedir })
  const early = await ask(url, '/svc/dev')
  if (early.status !== 200) t.match([early.status, early.json.message], [503, /first fetch is under way|no answer/])
  await eventually('it is served', async () => (await problemOf(url)) === '' && (await ask(url, '/svc/dev')).status === 200)
  t.equal((await ask(url, '/svc-dev.json')).json.k, 1)
  t.ok(link.passed < 1_200_000 * 1.9, 'in one go')
  t.strictSame(await leftovers(basedir), [])
})

t.test('a link that falls silent in the middle ends the try, which leaves nothing; the next one arrives', async t => {
  const { daemon } = await remote(t, { 'svc.yml': 'k: 1', ...BULK })
  const link = await slowLink(t, daemon, 400_000)
  const basedir = await folder(t)
  const starting = startGit(t, { uri: link.url, timeoutMs: 1_000, refreshMs: 50, basedir })
  await eventually('something has come', () => link.passed > 200_000)
  link.isSilent = true
  const { url } = await starting
  await eventually('it is told as silence, with how far it came', async () =>
    /no answer within 1000 ms, after "Receiving objects: .*%/.test(await problemOf(url)))
  t.strictSame(await leftovers(basedir), [])
  link.isSilent = false
  await eventually('it is served', async () => (await problemOf(url)) === '' && (await ask(url, '/svc/dev')).status === 200)
})

t.test('git that works without a word is not ended', async t => {
  const root = await folder(t)
  execFileSync('git', ['init', '-q', '--bare', root])
  const busy = 'alias.busy=!end=$(($(date +%s)+5)); while [ $(date +%s) -lt $end ]; do :; done; echo done'
  t.equal((await runGit({ args: ['-c', busy, 'busy'], folder: root, environment: {}, silenceMs: 2_000 })).trim(), 'done')
  const slow = 'alias.slow=!for i in 1 2 3 4; do printf x >> objects/pack/tmp_pack_x; sleep 1.2; done; echo done'
  t.equal((await runGit({ args: ['-c', slow, 'slow'], folder: root, environment: {}, silenceMs: 2_000 })).trim(), 'done')
  await t.rejects(runGit({ args: ['-c', 'alias.idle=!sleep 60', 'idle'], folder: root, environment: {}, silenceMs: 100 }), /no answer within 100 ms/)
})

t.test('what a killed run left is gone at the next start', async t => {
  const { daemon } = await remote(t, { 'svc.yml': 'k: 1' })
  const basedir = await folder(t)
  await (await startGit(t, { uri: `${daemon}/config.git`, basedir })).stop()
  const mirror = await mirrorOf(basedir) ?? ''
  await mkdir(join(mirror, 'objects/ab'), { recursive: true })
  for (const name of ['objects/pack/tmp_pack_x', 'objects/pack/tmp_idx_y', 'objects/ab/tmp_obj_z', 'objects/pack/.tmp-1-pack-a.pack', 'HEAD.lock']) {
    await writeFile(join(mirror, name), 'x')
  }
  const { url } = await startGit(t, { uri: `${daemon}/config.git`, basedir })
  t.equal((await ask(url, '/svc-dev.json')).json.k, 1)
  t.strictSame(await leftovers(basedir), [])
})

t.test('the git processes of a server that is killed end with it', async t => {
  const sockets = new Set<Socket>()
  const hanging = createServer(socket => {
    sockets.add(socket.on('error', () => {}).on('close', () => sockets.delete(socket)))
    socket.resume()
  }).listen(0, '127.0.0.1')
  await once(hanging, 'listening')
  t.teardown(() => hanging.close())
  const uri = `git://127.0.0.1:${(hanging.address() as { port: number }).port}/x.git`
  const child = fork(join(import.meta.dirname, '../main.ts'), ['--port', '0', `--spring.cloud.config.server.git.uri=${uri}`,
    '--spring.cloud.config.server.git.timeout=600'], { cwd: await folder(t), execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  t.teardown(() => child.kill('SIGKILL'))
  await eventually('a fetch hangs', () => sockets.size > 0)
  child.kill('SIGKILL')
  await eventually('its connection is gone', () => sockets.size === 0)
})

/** A volume on which root, too, can be kept from writing; undefined where nothing can be mounted. */
async function volume (t: Teardown & { skip?: unknown }, size = '8m') {
  const root = await folder(t)
  if (process.geteuid?.() !== 0) {
    const set = (mode: number) => execFileSync('chmod', ['-R', mode === 0 ? 'a-w' : 'u+w', root])
    t.teardown(() => set(1))
    return { root, readOnly: () => set(0), writable: () => set(1) }
  }
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', root]).status !== 0) return undefined
  t.teardown(() => spawnSync('umount', ['-l', root]))
  const remount = (mode: string) => execFileSync('mount', ['-o', `remount,${mode}`, root])
  return { root, readOnly: () => remount('ro'), writable: () => remount('rw') }
}

t.test('a volume that cannot be written serves what the mirror has, and catches up by itself', async t => {
  const { tree, daemon } = await remote(t, { 'svc.yml': 'k: 1' })
  const place = await volume(t)
  if (place === undefined) return t.comment('nothing can be mounted here')
  await (await startGit(t, { uri: `${daemon}/config.git`, basedir: place.root })).stop()
  place.readOnly()
  await tree.commit({ 'svc.yml': 'k: 2' })
  tree.git('push', '-q', 'origin', 'main')
  const { url } = await startGit(t, { uri: `${daemon}/config.git`, basedir: place.root, refreshMs: 100 })
  t.equal((await ask(url, '/svc-dev.json')).json.k, 1)
  await eventually('the cause is told', async () => /[Rr]ead-only file system|[Pp]ermission denied/.test(await problemOf(url)))
  t.equal((await ask(url, '/actuator/health')).status, 200)
  place.writable()
  await eventually('it catches up', async () => (await ask(url, '/svc-dev.json')).json.k === 2)
  t.equal(await problemOf(url), '')
})

t.test('a volume without room: the same, the cause is named, and nothing of the failed tries is kept', async t => {
  const { tree, daemon } = await remote(t, { 'svc.yml': 'k: 1' })
  const place = process.geteuid?.() === 0 ? await volume(t, '2m') : undefined
  if (place === undefined) return t.comment('nothing can be mounted here')
  const { url } = await startGit(t, { uri: `${daemon}/config.git`, basedir: place.root, refreshMs: 100 })
  t.equal((await ask(url, '/svc-dev.json')).json.k, 1)
  await tree.commit({ 'svc.yml': 'k: 2', 'large.bin': randomBytes(3_000_000) })
  tree.git('push', '-q', 'origin', 'main')
  await eventually('the cause is told', async () => /No space left on device/.test(await problemOf(url)))
  t.equal((await ask(url, '/svc-dev.json')).json.k, 1)
  await eventually('nothing is kept', async () => (await leftovers(place.root)).length === 0)
  tree.git('reset', '-q', '--hard', 'HEAD~1')
  await tree.commit({ 'svc.yml': 'k: 3' })
  tree.git('push', '-q', '--force', 'origin', 'main')
  await eventually('it catches up', async () => (await ask(url, '/svc-dev.json')).json.k === 3)
})

t.test('a mirror of a foreign owner is served from a folder that only its owner can fill', async t => {
  const { daemon } = await remote(t, { 'svc.yml': 'k: 1' })
  if (process.geteuid?.() !== 0) return t.comment('only root can give folders away')
  const basedir = join(await folder(t), 'base')
  await (await startGit(t, { uri: `${daemon}/config.git`, basedir })).stop()
  execFileSync('chown', ['-R', '12345', basedir])
  const { url } = await startGit(t, { uri: 'git://127.0.0.1:1/config.git', basedir })
  t.equal((await ask(url, '/svc/dev')).status, 503, 'another address has another mirror')
  const own = await startGit(t, { uri: `${daemon}/config.git`, basedir })
  t.equal((await ask(own.url, '/svc-dev.json')).json.k, 1)
  const open = join(await folder(t), 'open')
  await mkdir(open)
  cpSync(await mirrorOf(basedir) ?? '', join(open, (await readdir(basedir))[0] ?? ''), { recursive: true })
  execFileSync('chown', ['-R', '12345', join(open, (await readdir(open))[0] ?? '')])
  chmodSync(open, 0o1777)
  const planted = await startGit(t, { uri: `${daemon}/config.git`, basedir: open })
  t.match((await ask(planted.url, '/svc/dev')).json.message, /belongs to somebody else/, 'where everyone could have put it')
})

t.test('many fetches leave few files, and what was fetched stays readable', async t => {
  const { tree, daemon } = await remote(t, { 'svc.yml': 'k: 0' })
  const basedir = await folder(t)
  const { url } = await startGit(t, { uri: `${daemon}/config.git`, basedir }, { webhook: { unsigned: true, disabled: new Set() } })
  const forgotten = await tree.commit({ 'svc.yml': 'k: forgotten' })
  const push = async () => {
    tree.git('push', '-q', '--force', 'origin', 'main')
    await ask(url, '/monitor', { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })
  }
  await push()
  await eventually('it was there', async () => (await ask(url, '/svc/dev')).json.version === forgotten)
  tree.git('reset', '-q', '--hard', 'HEAD~1')
  for (let round = 1; round <= 24; round++) {
    commitAll(tree, Array.from({ length: 3 }, (_, i) => ({ 'svc.yml': `k: ${round * 100 + i}` })))
    await push()
    await eventually('the commits are there', async () => (await ask(url, '/svc-dev.json')).json.k === round * 100 + 2)
  }
  const mirror = await mirrorOf(basedir) ?? ''
  const packs = async () => (await readdir(join(mirror, 'objects/pack'))).filter(name => name.endsWith('.pack')).length
  await eventually('it was packed', async () => await packs() < 15)
  t.equal((await ask(url, '/svc-dev.json')).json.k, 2402)
  t.equal((await ask(url, `/svc/dev/${forgotten}`)).status, 200, 'also what no branch has any more')
})

t.test('names that stand for no repository leave nothing, and are not asked for again at once', async t => {
  const base = await folder(t)
  const tree = await workTree(t, { 'application.yml': 'k: real' })
  tree.git('clone', '-q', '--bare', '.', join(base, 'real.git'))
  await writeFile(join(base, 'gitconfig'), '[safe]\n\tdirectory = *\n')
  const daemon = await gitDaemon(t, base)
  const basedir = await folder(t)
  const { url } = await startGit(t, { uri: `${daemon}/{application}.git`, basedir, refreshMs: 50 })
  t.equal((await ask(url, '/real-x.json')).json.k, 'real')
  const statuses = await Promise.all(Array.from({ length: 60 }, async (_, i) => (await ask(url, `/made-up${i}/dev`)).status))
  t.ok(statuses.every(status => status === 503))
  const startedMs = performance.now()
  for (let i = 0; i < 20; i++) await ask(url, '/made-up1/dev')
  t.ok(performance.now() - startedMs < 2_000)
  t.equal((await readdir(basedir)).filter(name => name.endsWith('.git')).length, 1)
  t.equal((await ask(url, '/real-x.json')).json.k, 'real')
  tree.git('clone', '-q', '--bare', '.', join(base, 'late.git'))
  t.equal((await ask(url, '/late-x.json')).json.k, 'real', 'one that came to be')
  await mkdir(join(basedir, `${'0'.repeat(24)}.git/refs/heads`), { recursive: true })
  execFileSync('touch', ['-d', '2001-01-01', join(basedir, `${'0'.repeat(24)}.git`)])
  const again = await startGit(t, { uri: `${daemon}/{application}.git`, basedir })
  t.equal((await readdir(basedir)).includes(`${'0'.repeat(24)}.git`), false, 'an empty mirror of an earlier run is removed')
  t.equal((await ask(again.url, '/real-x.json')).json.k, 'real')
  rmSync(join(base, 'real.git'), { recursive: true })
  t.ok(readFileSync(join(base, 'gitconfig')))
})
