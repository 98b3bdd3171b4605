/** Whoever sets overrides and metadata, at any registry, and remembers what was answered. */
import type { Random } from '@breakwater/messaging/testing'
import type { Client, Cluster } from './client.ts'
import { call, type Answer } from './http.ts'

/** Does one thing to one client's entry; resolves when it was answered or given up. */
export async function operate (cluster: Cluster, random: Random, client: Client): Promise<void> {
  const path = `${random.pick(cluster.urls)}apps/${client.app}/${client.id}`
  const value = String(random.below(1_000_000))
  switch (random.pick(['override', 'clear', 'metadata'] as const)) {
    case 'override': return say(cluster, path, `override ${client.id}`, 'OUT_OF_SERVICE',
      () => call('PUT', `${path}/status?value=OUT_OF_SERVICE`))
    case 'clear': return say(cluster, path, `override ${client.id}`, 'none', () => call('DELETE', `${path}/status`))
    case 'metadata': return say(cluster, path, `metadata ${client.id}`, value, () => call('PUT', `${path}/metadata?added=${value}`))
  }
}

async function say (
  cluster: Cluster, path: string, key: string, value: string, ask: () => Promise<Answer>
): Promise<void> {
  const word = cluster.history.say(key, value, new URL(path).origin, Date.now())
  const answer = await ask().catch(() => undefined)
  if (answer === undefined) return cluster.count('operator without an answer')
  if (answer.status === 200) word.to = Date.now()
  else word.void = true
}
