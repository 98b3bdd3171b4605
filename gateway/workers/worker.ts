/** A data-plane worker thread: hosts one event loop and does what the control loop tells it. */
import { parentPort, workerData } from 'node:worker_threads'
import type { CreateCompiler } from './contract.ts'
import { HostedLoop } from './hosted-loop.ts'
import type { FromWorker, ToWorker, WorkerStart } from './messages.ts'
import { RemoteCache } from './remote-cache.ts'

const COUNTS_INTERVAL_MS = 1_000

async function main (port: NonNullable<typeof parentPort>, start: WorkerStart): Promise<void> {
  const tell = (message: FromWorker): void => port.postMessage(message)
  const cache = new RemoteCache(tell)
  const { createCompiler } = await import(start.compilerModule) as { readonly createCompiler: CreateCompiler }
  const hosted = new HostedLoop(start.options, createCompiler, {
    log: (level, message, fields) => tell({ kind: 'log', level, message, fields }),
    emit: (topic, payload) => tell({ kind: 'event', topic, payload }),
    place: start.place,
    cache,
    connections: start.connections
  })
  if (start.snapshot !== undefined) {
    hosted.apply(start.snapshot)
    // Instances may have changed since the snapshot was made: the control loop sends them again.
    tell({ kind: 'event', topic: 'compiled', payload: undefined })
  }
  port.on('message', (message: ToWorker) => {
    if (message.kind === 'cache-found') return cache.found(message.id, message.finding)
    obey(hosted, message).then(
      (value) => tell({ kind: 'done', id: message.id, value }),
      (fault: unknown) => tell({ kind: 'fault', id: message.id, message: fault instanceof Error ? fault.message : String(fault) })
    )
  })
  const listening = await hosted.start(start.port)
  hosted.keepFrom(start.listening)
  tell({ kind: 'listening', port: listening })
  setInterval(() => tell({ kind: 'counts', metrics: hosted.metrics() }), COUNTS_INTERVAL_MS).unref()
}

async function obey (hosted: HostedLoop, message: Exclude<ToWorker, { readonly kind: 'cache-found' }>): Promise<unknown> {
  switch (message.kind) {
    case 'apply': return hosted.apply(message.snapshot)
    case 'ask': return await hosted.ask(message.question, message.payload)
    case 'keep-from': return hosted.keepFrom(message.listening)
    case 'metrics': return hosted.metrics()
    case 'stop': {
      await hosted.stop(message.deadlineMs)
      // The last counts leave before the thread ends.
      return hosted.metrics()
    }
  }
}

if (parentPort !== null) {
  const port = parentPort
  await main(port, workerData as WorkerStart).catch((fault: NodeJS.ErrnoException) => {
    port.postMessage({ kind: 'failed', code: fault.code, message: fault.message } satisfies FromWorker)
    throw fault
  })
}
