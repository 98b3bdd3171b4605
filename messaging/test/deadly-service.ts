/** A service on SNS/SQS that one message kills: `node deadly-service.ts ENDPOINT DIR`. */
import { join } from 'node:path'
import { awsBus, readAwsUrl } from '../aws.ts'
import { DEFAULTS, Messaging, openSqlite, Schemas } from '../index.ts'

const [endpoint = '', dir = ''] = process.argv.slice(2)
const type = 'shop.Thing.v1'
const log = { info: () => {}, warn: console.error, error: console.error }
const messaging = new Messaging({
  service: 'shop',
  store: openSqlite({ file: join(dir, 'shop.db'), tables: '' }),
  bus: awsBus({ ...readAwsUrl(`aws://eu-central-1?endpoint=${endpoint}`, true), waitSeconds: 0 }),
  schemas: new Schemas([{ $id: type, type: 'object' }]),
  options: { ...DEFAULTS, prefix: 'test' },
  routes: { [type]: { kind: 'command', handle: async message => {
    if (message.subject === 'deadly' && message.data.n === 1) process.kill(process.pid, 'SIGKILL')
  } } },
  log
})
await messaging.start()
