/** What the embedded bus's process tells Prometheus. */
import { Gauge, Registry } from 'prom-client'
import type { BookStat, BusBook } from './book.ts'

const GAUGES: ReadonlyArray<readonly [name: string, help: string, read: (stat: BookStat) => number]> = [
  ['waiting', 'Messages that nobody has', stat => stat.waiting],
  ['in_flight', 'Groups whose first message somebody has, or that wait for their next try', stat => stat.inFlight],
  ['dead', 'Dead letters', stat => stat.dead],
  ['damaged', 'Messages set aside because they were not what had been written', stat => stat.damaged],
  ['oldest_seconds', 'Age of the oldest message', stat => stat.oldestMs / 1000],
  ['provisioned', '1 when a service has asked for the queue', stat => Number(stat.provisioned)]
]

/** The text of a scrape. */
export async function busMetrics (book: BusBook): Promise<string> {
  const registry = new Registry()
  const stats = await Promise.all((await book.queues()).map(queue => book.stats(queue)))
  for (const [name, help, read] of GAUGES) {
    const gauge = new Gauge({ name: `breakwater_bus_queue_${name}`, help, labelNames: ['queue'], registers: [registry] })
    for (const stat of stats) gauge.set({ queue: stat.queue }, read(stat))
  }
  const unrouted = new Gauge({ name: 'breakwater_bus_topic_unrouted', labelNames: ['topic'], registers: [registry],
    help: 'Events that came while nobody had subscribed to the topic' })
  for (const topic of await book.directory.topics()) unrouted.set({ topic: topic.topic }, topic.unrouted)
  new Gauge({ name: 'breakwater_bus_bytes', help: 'What the bus takes on its disk', registers: [registry] })
    .set(await book.bytes())
  return registry.metrics()
}
