/**
 * Spring Cloud Gateway itself gives the answers that `npm test` holds ours to (`fixtures/spring-answers.json`).
 * `BREAKWATER_RECORD=1 npm run test:spring -- gateway` writes them anew.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { startJava } from '../../../discovery/test/spring/java.ts'
import { ask, settingsOf, startService, type Outcomes } from './asking.ts'
import { recorded, RECORD } from './recorded.ts'
import { WORLDS } from './table.ts'

const found: Outcomes = {}

for (const world of WORLDS) {
  t.test(world.name, async t => {
    const service = await startService()
    t.teardown(() => service.server.close())
    const folder = await mkdtemp(join(tmpdir(), 'spring-gateway-'))
    t.teardown(() => rm(folder, { recursive: true }))
    await writeFile(join(folder, 'world.yml'), settingsOf(world, service.url))
    const spring = await startJava(t, import.meta.dirname, 'SpringGateway', {
      'spring.config.additional-location': `file:${join(folder, 'world.yml')}`, 'spring.main.banner-mode': 'off',
      // The stock of a JVM that answers `/` while the routes are still empty is a 404 too: both are fine.
      'spring.cloud.discovery.enabled': 'false'
    })
    const outcomes = await ask(world, spring.url, service.url)
    Object.assign(found, outcomes)
    if (process.env['BREAKWATER_RECORD'] === undefined) {
      const known = await recorded()
      for (const [key, outcome] of Object.entries(outcomes)) t.strictSame(outcome, known[key], key)
    }
    await spring.stop()
  })
}

t.teardown(async () => {
  if (process.env['BREAKWATER_RECORD'] !== undefined) await writeFile(RECORD, `${JSON.stringify(found, null, 1)}\n`)
})
