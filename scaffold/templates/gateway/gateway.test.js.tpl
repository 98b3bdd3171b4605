import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { test } from 'node:test'

test('users are reached through the gateway', async () => {
  const users = createServer((request, response) => { response.end(`users got ${request.url}`) }).listen(0, '127.0.0.1')
  await once(users, 'listening')
  const gateway = spawn('npx', ['breakwater', 'gateway', '--config', 'gateway.yml', '--port=0', '--management.server.port=0',
    '--breakwater.discovery.client=fixed',
    `--spring.cloud.discovery.client.simple.instances.users[0].uri=http://127.0.0.1:${users.address().port}`],
  { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const answer = await fetch(`${await addressOf(gateway)}/users/7`)
    assert.equal(await answer.text(), 'users got /users/7')
  } finally {
    gateway.kill()
    await once(gateway, 'exit')
    users.close()
  }
})

/** It says where it listens when it does. */
async function addressOf (child) {
  let text = ''
  for await (const bytes of child.stdout) {
    text += bytes
    const found = /"url":"([^"]+)"/.exec(text)
    if (found !== null) return found[1]
  }
  throw new Error(`it ended: ${text}`)
}
