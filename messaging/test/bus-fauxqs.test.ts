import { startFauxqs } from 'fauxqs'
import { t } from 'tap'
import { awsBed } from './aws-bed.ts'
import { busConformance } from './bus-conformance.ts'

t.test('SNS/SQS on fauxqs passes the suite', async t => {
  const server = await startFauxqs({ port: 0, host: '127.0.0.1', logger: false })
  t.teardown(() => server.stop())
  await busConformance(t, awsBed('faux', `http://127.0.0.1:${server.port}`))
})
