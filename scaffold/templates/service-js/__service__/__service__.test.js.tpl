import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLogger } from '@breakwater/starter'
import { loadSettings } from '@breakwater/starter/settings'
import { start } from './{{service}}.js'

/** A port of its own, no registry, and a quiet log. */
const ALONE = { 'server.port': '0', 'breakwater.discovery.client': 'fixed', 'logging.level.root': 'warn', greeting: 'hi' }

test('{{service}} answers', async () => {
  const settings = await loadSettings({ name: '{{service}}', args: ALONE })
  const running = await start({ settings, log: createLogger(settings) })
  try {
    const answer = await fetch(`${running.url}/{{service}}/7`)
    assert.equal(answer.status, 200)
    assert.deepEqual(await answer.json(), { id: '7', greeting: 'hi' })
  } finally {
    await running.stop()
    settings.close()
  }
})
