/** A service as a process, for tests that need signals, exit codes and standard error. */
import { runMain } from '../main.ts'
import { service } from '../service.ts'

runMain(process, 'probe', async ({ settings, log }) => {
  const app = await service({ name: 'probe', settings, log })
  app.get('/hello', async () => ({ hello: settings.string('greeting', 'world') }))
  let inside = 0
  app.get('/slow', async () => {
    inside++
    return await new Promise(resolve => setTimeout(() => resolve('done'), settings.integer('slow-ms', 300)))
  })
  app.get('/inside', async () => ({ inside }))
  app.get('/crash', async () => { setImmediate(() => { void Promise.reject(new Error('nobody listens')) }) })
  return app.start()
})
