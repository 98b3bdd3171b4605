/** Ours answers what Spring Cloud Gateway answered when `test/spring` asked it, but for a list of differences. */
import t from 'tap'
import { gateway } from './harness.ts'
import { ask, settingsOf, startService } from './spring/asking.ts'
import { DIFFERENCES } from './spring/differences.ts'
import { recorded } from './spring/recorded.ts'
import { WORLDS } from './spring/table.ts'

const spring = await recorded()

for (const world of WORLDS) {
  t.test(world.name, async t => {
    const service = await startService()
    t.teardown(() => service.server.close())
    const { url } = await gateway(t, settingsOf(world, service.url))
    const ours = await ask(world, url, service.url)
    t.ok(Object.keys(ours).length > 0)
    for (const [key, outcome] of Object.entries(ours)) {
      const difference = DIFFERENCES.get(key)
      if (difference === undefined) t.strictSame(outcome, spring[key], key)
      else {
        t.notSame(outcome, spring[key], `${key}: the difference is still one`)
        t.match(outcome, difference.ours, `${key}: ${difference.why}`)
      }
    }
  })
}
