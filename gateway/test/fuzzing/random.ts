/** Randomness that a seed brings back, and mutations that break HTTP where it is weak. */

export type Random = () => number

/** mulberry32: small, fast, good enough to choose mutations. */
export function seeded (seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

export function pick<T> (random: Random, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)]!
}

/** Bytes and fragments that parsers have disagreed about. */
const FRAGMENTS = ['\r', '\n', '\r\n', ' ', '\t', ':', ',', ';', '=', '"', '\0', '\x0b', '\x7f', '\x80', '\xff', '0', '1', 'a', 'F', '+', '-', '_', '/', '\\', '?', '#', '%', '*', '@', '.',
  'HTTP/1.1', 'HTTP/1.0', 'Content-Length: 5\r\n', 'Content-Length: 0\r\n', 'Transfer-Encoding: chunked\r\n', 'Transfer-Encoding: identity\r\n', 'Transfer-Encoding: gzip, chunked\r\n',
  'Connection: close\r\n', 'Connection: keep-alive\r\n', 'Host: b\r\n', 'Expect: 100-continue\r\n', 'Upgrade: h2c\r\n', ' folded\r\n', 'X: y\r\n', '0\r\n\r\n', '5\r\nhello\r\n', ';x=y', 'chunked', '\r\n\r\n']

/** One to four changes, mostly one: insert, delete, replace, repeat, swap. Latin1 in, latin1 out. */
export function mutate (random: Random, text: string): string {
  let out = text
  for (let n = 1 + Math.floor(random() * random() * 4); n > 0; n--) out = once(random, out)
  return out
}

function once (random: Random, text: string): string {
  const at = Math.floor(random() * (text.length + 1))
  const length = 1 + Math.floor(random() * random() * 12)
  switch (Math.floor(random() * 6)) {
    case 0: return text.slice(0, at) + text.slice(at + length)
    case 1: return text.slice(0, at) + pick(random, FRAGMENTS) + text.slice(at + length)
    case 2: return text.slice(0, at) + text.slice(at, at + length) + text.slice(at)
    case 3: return text.slice(0, at) + String.fromCharCode(Math.floor(random() * 256)) + text.slice(at + 1)
    case 4: {
      const from = Math.floor(random() * text.length)
      return text.slice(0, at) + text.slice(from, from + length) + text.slice(at)
    }
    default: return text.slice(0, at) + pick(random, FRAGMENTS) + text.slice(at)
  }
}
