import { spawn } from 'node:child_process'
import { startFauxqs } from 'fauxqs'
import { t } from 'tap'
import { pythonPackage } from '../../scripts/python-package.ts'
import { awsBus, readAwsUrl } from '../aws.ts'
import { busConformance, message, until } from './bus-conformance.ts'
import { freePort } from './servers.ts'

const VISIBILITY_SECONDS = 2

function connectTo (endpoint: string) {
  return async () => awsBus({ ...readAwsUrl(`aws://eu-central-1?endpoint=${endpoint}`, true), waitSeconds: 1,
    visibilitySeconds: VISIBILITY_SECONDS, retryDelaysMs: [0, 0, 0, 0], probeMs: 20 })
}

t.test('SNS/SQS on fauxqs passes the suite', async t => {
  const server = await startFauxqs({ port: 0, host: '127.0.0.1', logger: false })
  t.teardown(() => server.stop())
  await busConformance(t, { prefix: 'faux', visibilityMs: VISIBILITY_SECONDS * 1000,
    connect: connectTo(`http://127.0.0.1:${server.port}`) })
})

const python = await pythonPackage('moto[server]==5.2.1', 'moto')

t.test('SNS/SQS on moto, the second opinion', { skip: python.skip }, async t => {
  const port = await freePort()
  const child = spawn('python3', ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)],
    { stdio: 'ignore', env: python.env })
  t.teardown(async () => {
    child.kill()
    await until(() => child.exitCode !== null || child.signalCode !== null, 'moto has ended')
  })
  const endpoint = `http://127.0.0.1:${port}`
  await until(() => fetch(endpoint).then(response => response.ok, () => false), 'moto answers')
  await busConformance(t, { prefix: 'moto', visibilityMs: VISIBILITY_SECONDS * 1000, connect: connectTo(endpoint),
    differences: {
      'the same dedupe id is taken once': 'moto forgets a dedupe id as soon as its message is deleted'
    } })
})

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
