/** What {{service}} does. Add your routes here; settings, registration, health and a clean stop are there already. */
import { service } from '@breakwater/starter'

/** @param {import('@breakwater/starter').MainArgs} args */
export async function start ({ settings, log }) {
  const app = await service({ name: '{{service}}', settings, log })
  app.get('/{{service}}/:id', async request => ({
    id: request.params.id,
    greeting: settings.string('greeting', 'hello')
  }))
  // Another service, by its name: await app.client('users').get('/users/7')
  return app.start()
}
