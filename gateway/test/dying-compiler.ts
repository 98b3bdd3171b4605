/**
 * The usual compiler, but a worker that is asked `die` throws where nobody catches; `thread` asks for its number, which
 * it answers to requests as well (`forward:/thread`); one that is asked `hang` throws, too, and never answers.
 */
import { threadId } from 'node:worker_threads'
import { createCompiler as createUsual } from '../routes/compile.ts'
import type { Compiler, LocalHandler, WorkerHost } from '../workers/contract.ts'

const sayThread: LocalHandler = {
  maxBodyBytes: 0,
  handle: () => ({ status: 200, headers: [], body: String(threadId) })
}

export function createCompiler (host: WorkerHost): Compiler {
  const usual = createUsual(host)
  return {
    compile: (snapshot) => usual.compile(snapshot),
    local: (path, exact) => path === '/thread' ? sayThread : usual.local(path, exact),
    stop: () => usual.stop(),
    ask (question, payload) {
      if (question === 'thread') return threadId
      if (question === 'hang') {
        setImmediate(() => { throw new Error('asked to hang') })
        return new Promise(() => {})
      }
      if (question !== 'die') return usual.ask(question, payload)
      if (payload !== undefined && payload !== threadId) return 'living'
      setImmediate(() => { throw new Error('asked to die') })
      return 'dying'
    }
  }
}
