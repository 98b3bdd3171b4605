import t from 'tap'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { Clock } from '../clock.ts'

t.test('it is the same time in a thread that was born later', async t => {
  const module = new URL('../clock.ts', import.meta.url).href
  const born = new Worker(`
    const { parentPort } = require('node:worker_threads')
    import(${JSON.stringify(module)}).then(({ Clock }) => parentPort.postMessage(new Clock().now()))
  `, { eval: true })
  const before = new Clock().now()
  const [there] = await once(born, 'message') as [number]
  const after = new Clock().now()
  await born.terminate()
  t.ok(before <= there && there <= after, `${there} between ${before} and ${after}`)
})
