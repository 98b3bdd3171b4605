import { startFauxqs } from 'fauxqs'
import { t } from 'tap'
import { awsBus, readAwsUrl } from '../aws.ts'
import { message } from './bus-rig.ts'
import { until } from './until.ts'

t.test('without the right to create, a missing queue is an error that names it', async t => {
  const server = await startFauxqs({ port: 0, host: '127.0.0.1', logger: false })
  t.teardown(() => server.stop())
  const options = readAwsUrl(`aws://eu-central-1?endpoint=http://127.0.0.1:${server.port}`, false)
  const bus = awsBus(options)
  t.teardown(() => bus.close())
  await t.rejects(bus.provision('x-in.fifo', [], 'x-events.fifo'), { code: 'E_BUS_PROVISION', message: /x-in\.fifo/ })

  const owner = awsBus({ ...options, provision: true })
  t.teardown(() => owner.close())
  await owner.provision('x-in.fifo', [], 'x-events.fifo')
  await owner.provision('y-in.fifo', [{ topic: 'x-events.fifo', types: ['test.Thing.v1'] }], 'y-events.fifo')
  await t.resolves(bus.provision('y-in.fifo', [{ topic: 'x-events.fifo', types: ['test.Thing.v1'] }], 'y-events.fifo'))
  await bus.publish('x-events.fifo', [message('a', 1)])
  await until(async () => (await bus.stats('y-in.fifo')).waiting === 1, 'it arrived by the ARN that was composed')
})

t.test('a bus that is away is told as such', async t => {
  const bus = awsBus(readAwsUrl('aws://eu-central-1?endpoint=http://127.0.0.1:1', false))
  t.teardown(() => bus.close())
  await t.rejects(bus.send('q.fifo', [message('a', 1)]), { code: 'E_BUS_DOWN', canRetry: true })
  t.throws(() => readAwsUrl('ftp://x', false), { code: 'E_BUS_URL' })
})
