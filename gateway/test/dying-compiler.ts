/** The usual compiler, but a worker that is asked `die` throws where nobody catches; `thread` asks for its number. */
import { threadId } from 'node:worker_threads'
import { createCompiler as createUsual } from '../routes/compile.ts'
import type { Compiler, WorkerHost } from '../workers/contract.ts'

export function createCompiler (host: WorkerHost): Compiler {
  const usual = createUsual(host)
  return {
    compile: (snapshot) => usual.compile(snapshot),
    local: (path, exact) => usual.local(path, exact),
    stop: () => usual.stop(),
    ask (question, payload) {
      if (question === 'thread') return threadId
      if (question !== 'die') return usual.ask(question, payload)
      if (payload !== undefined && payload !== threadId) return 'living'
      setImmediate(() => { throw new Error('asked to die') })
      return 'dying'
    }
  }
}
