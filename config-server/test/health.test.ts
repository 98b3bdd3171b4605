/** `configServer` in /actuator/health, by Spring's settings. */
import { loadSettings } from '@breakwater/starter/settings'
import t from 'tap'
import { readOptions, type ConfigServerOptions } from '../index.ts'
import { createHealth } from '../health.ts'
import { readAsk } from '../environment/ask.ts'
import type { Backend } from '../backends/backend.ts'
import { startGit, workTree } from './git-support.ts'
import { ask, eventually, folder, startNative, write } from './support.ts'

type Tap = Parameters<typeof folder>[0]

const HEALTH = 'spring.cloud.config.server.health'

async function optionsOf (t: Tap, args: Record<string, string>): Promise<Partial<ConfigServerOptions>> {
  const { health, acceptEmpty } = readOptions(await loadSettings({ name: 'x', folder: await folder(t), args }))
  return { health, acceptEmpty }
}

const componentOf = async (url: string) => {
  const { status, json } = await ask(url, '/actuator/health')
  return { code: status, ...json.components.configServer }
}

t.test('told nothing, the application "app" is looked up', async t => {
  const { url, root } = await startNative(t, { 'application.yml': 'a: 1', 'app-default.yml': 'a: 2' })
  t.match(await componentOf(url), {
    code: 200,
    status: 'UP',
    details: {
      repositories: [{
        name: 'app', profiles: ['default'], label: null, sources: [`file:${root}/app-default.yml`, `file:${root}/application.yml`]
      }]
    }
  })
})

t.test('repositories of the settings, a label that is missing, a status of one\'s own', async t => {
  const tree = await workTree(t, { 'myservice.yml': 'a: 1', 'myservice-development.yml': 'a: 2' })
  const settings = {
    [`${HEALTH}.repositories.myservice.label`]: 'main',
    [`${HEALTH}.repositories.myservice-dev.name`]: 'myservice',
    [`${HEALTH}.repositories.myservice-dev.profiles`]: 'development'
  }
  const { url } = await startGit(t, { uri: tree.root }, await optionsOf(t, settings))
  const { details } = await componentOf(url)
  t.match(details.repositories, [
    { name: 'myservice', profiles: ['default'], label: 'main' }, { name: 'myservice', profiles: ['development'], label: null }
  ])
  t.equal(details.repositories[1].sources.length, 2)
  const wrong = { ...settings, [`${HEALTH}.repositories.myservice.label`]: 'gone', [`${HEALTH}.down-health-status`]: 'out_of_service' }
  const down = await componentOf((await startGit(t, { uri: tree.root }, await optionsOf(t, wrong))).url)
  t.match(down, {
    code: 503,
    status: 'OUT_OF_SERVICE',
    details: { repository: { application: 'myservice', profiles: 'default' }, error: 'There is no label gone.' }
  })
  await t.rejects(optionsOf(t, { [`${HEALTH}.down-health-status`]: 'POORLY' }), { code: 'E_CONFIG_SETTING' })
})

t.test('finding nothing is well, or not, or nobody asks', async t => {
  const component = async (args: Record<string, string>) => {
    const { url } = await startNative(t, {}, await optionsOf(t, args))
    return componentOf(url)
  }
  const strict = { 'spring.cloud.config.server.accept-empty': 'false' }
  t.match(await component({}), { status: 'UP', details: { repositories: [{ sources: [] }] } })
  t.match(await component(strict), { status: 'DOWN', details: { error: /No configuration file matches app\/default/ } })
  t.match(await component({ ...strict, [`${HEALTH}.accept-empty`]: 'true' }), { status: 'UP' })
  t.strictSame(await component({ [`${HEALTH}.enabled`]: 'false' }), { code: 200 }, 'there is no such component')
})

t.test('a change of the store is seen, a probe in between reads nothing', async t => {
  const { url, root } = await startNative(t, { 'app.yml': 'a: 1' }, await optionsOf(t, {}))
  t.equal((await componentOf(url)).status, 'UP')
  await write(root, { 'app.yml': 'a: [' })
  await eventually('the last good state is served, and health tells', async () => {
    await ask(url, '/app/default')
    return (await componentOf(url)).details.error?.includes('app.yml')
  })

  let stamp: string | undefined = '1'
  let reads = 0
  let nowMs = 0
  const find = async () => {
    reads++
    if (reads === 3) throw new Error('gone')
    return { version: null, state: null, sources: [] }
  }
  const backend = { description: 'b', stamp: () => stamp, find, health: () => ({ up: true }) } as unknown as Backend
  const options = { enabled: true, repositories: [readAsk('app', 'default', null)], downStatus: 'DOWN', acceptEmpty: true } as const
  const indicator = createHealth(backend, options, () => nowMs)
  const probe = async (times: number) => {
    for (let n = 0; n < times; n++) await indicator()
    return reads
  }
  t.equal(await probe(100), 1, 'one state, one read')
  stamp = '2'
  t.equal(await probe(100), 2)
  stamp = undefined
  t.equal(await probe(100), 3, 'a store that tells nothing of changes is asked now and then')
  t.equal((await indicator()).status, 'DOWN', 'what failed stays known as failed')
  nowMs += 5_000
  t.equal((await indicator()).status, 'UP')
  t.equal(reads, 4)
})
