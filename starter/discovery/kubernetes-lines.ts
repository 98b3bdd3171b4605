/**
 * Reads a watch: one JSON object per line, for minutes or hours. A line is bounded, and silence ends it: a server that
 * vanished without closing its connection would otherwise leave us with an old state that looks current.
 */
import type { Readable } from 'node:stream'

/** etcd stores no object above 1.5 MB; anything far beyond is not the API. */
const MAX_LINE_CHARS = 8 * 1024 * 1024

/** Calls back for each line; resolves at the end of the stream, rejects on silence or when a line cannot be used. */
export function readLines (stream: Readable, silenceMs: number, onLine: (line: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const splitter = lineSplitter(onLine)
    const fail = (cause: unknown) => {
      clearTimeout(timer)
      stream.destroy()
      reject(cause)
    }
    const timer = setTimeout(() => fail(new Error(`silent for ${silenceMs} ms`)), silenceMs)
    stream.setEncoding('utf8')
    stream.on('data', (chunk: string) => {
      timer.refresh()
      try {
        splitter(chunk)
      } catch (cause) {
        fail(cause)
      }
    })
    // A connection cut in the middle is an ordinary end: the next request shows whether the server still lives.
    stream.on('error', () => {})
    stream.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

function lineSplitter (onLine: (line: string) => void): (chunk: string) => void {
  let rest = ''
  return (chunk) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > MAX_LINE_CHARS) throw new Error('a watch line beyond any object')
    for (const line of lines) {
      if (line !== '') onLine(line)
    }
  }
}
