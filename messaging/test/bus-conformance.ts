/**
 * What every bus must do, as one suite. A bus that cannot do a row names it in `differences` with the reason, so that
 * no test passes or fails through a fake's own fault unseen.
 */
import type { Test } from 'tap'
import { busRowsFailing } from './bus-failing.ts'
import { busRowsHanding } from './bus-handing.ts'
import { label, message, rigOf, type Bed } from './bus-rig.ts'
import { busRowsTaking } from './bus-taking.ts'
import { until } from './until.ts'

export async function busConformance (t: Test, bed: Bed): Promise<void> {
  const rig = rigOf(t, bed)
  await busRowsTaking(rig)
  await busRowsHanding(rig)
  await busRowsFailing(rig)
  if (bed.restart === undefined) return
  await rig.row('what was taken survives a kill of the broker', async (t, bus) => {
    const name = await rig.queue(bus)
    await bus.send(name, [message('a', 1), message('a', 2), message('b', 1)])
    await bed.restart?.()
    const seen: string[] = []
    bus.consume(name, async delivery => { seen.push(label(delivery)) })
    await until(() => seen.length === 3, 'all came')
    t.same(seen.filter(text => text.startsWith('a')), ['a1', 'a2'])
  })
}
