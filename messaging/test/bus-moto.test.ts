import { spawn } from 'node:child_process'
import { t } from 'tap'
import { pythonPackage } from '../../scripts/python-package.ts'
import { awsBed } from './aws-bed.ts'
import { busConformance } from './bus-conformance.ts'
import { until } from './until.ts'
import { freePort } from './servers.ts'

const python = await pythonPackage('moto[server]==5.2.1', 'moto')

t.test('SNS/SQS on moto, the second opinion, passes the suite', { skip: python.skip }, async t => {
  const port = await freePort()
  const child = spawn('python3', ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)],
    { stdio: 'ignore', env: python.env })
  t.teardown(async () => {
    child.kill()
    await until(() => child.exitCode !== null || child.signalCode !== null, 'moto has ended')
  })
  const endpoint = `http://127.0.0.1:${port}`
  await until(() => fetch(endpoint).then(response => response.ok, () => false), 'moto answers')
  await busConformance(t, { crowd: 50, ...awsBed('moto', endpoint, {
    'the same dedupe id is taken once': 'moto forgets a dedupe id as soon as its message is deleted',
    'dead letters go again in the order in which their messages came': 'moto draws the sequence numbers'
  }, 0) })
})
