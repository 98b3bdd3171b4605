import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import type { Test } from 'tap'
import { NODE_COMPILE_CACHE, until } from './support.ts'

const ROOT = new URL('../../', import.meta.url).pathname

function example (t: Test, file: string, registry: string): Promise<{ url: string }> {
  const child = fork(file, ['--port', '0'], {
    silent: true,
    execArgv: [],
    cwd: t.testdirName,
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE, EUREKA_CLIENT_SERVICEURL_DEFAULTZONE: `${registry}/eureka/` }
  })
  t.teardown(() => child.kill('SIGKILL'))
  return once(child, 'message').then(([message]) => message as { url: string })
}

async function registryOf (t: Test): Promise<string> {
  const registry = spawn(process.execPath, [join(ROOT, 'discovery/main.ts'), '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => registry.kill('SIGKILL'))
  for await (const line of createInterface({ input: registry.stdout })) {
    const { url } = JSON.parse(line) as { url?: string }
    if (url !== undefined) return url
  }
  throw new Error('the registry did not start')
}

t.test('the examples of docs/starter.md do what the page says', async t => {
  const page = readFileSync(join(ROOT, 'docs/starter.md'), 'utf8')
  const [people, greetings] = [...page.matchAll(/```ts\n(.*?)```/gs)].map(match => match[1] ?? '')
  const folder = t.testdir({})
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  writeFileSync(join(folder, 'people.ts'), people ?? '')
  writeFileSync(join(folder, 'greetings.ts'), greetings ?? '')
  t.ok((people ?? '').trim().split('\n').length <= 10, 'a service in ten lines')
  const registry = await registryOf(t)
  await example(t, join(folder, 'people.ts'), registry)
  const { url } = await example(t, join(folder, 'greetings.ts'), registry)
  const answer = await until('an answer through both', async () => {
    const response = await fetch(`${url}/greetings/7`)
    return response.status === 200 ? response.text() : undefined
  })
  t.equal(answer, '{"hello":{"id":"7","name":"Ada"}}')
  t.ok(page.includes(answer), 'as the page says')
})
