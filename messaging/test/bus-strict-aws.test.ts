import { t } from 'tap'
import { awsBed } from './aws-bed.ts'
import { busConformance } from './bus-conformance.ts'
import { startStrictAws } from './strict-aws/server.ts'

t.test('SNS/SQS as AWS documents them, the third opinion, passes the suite', async t => {
  const server = await startStrictAws()
  t.teardown(() => server.stop())
  await busConformance(t, awsBed('strict', server.endpoint))
})
