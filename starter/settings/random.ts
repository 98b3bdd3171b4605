import { randomBytes, randomInt, randomUUID } from 'node:crypto'

/**
 * Spring's `${random.*}`: `uuid`, `int`, `long`, `int(10)` below 10, `int[5,10]` from 5 to below 10; `value` and any
 * other name are 32 hexadecimal digits. Undefined for a range that is none.
 */
export function randomText (key: string): string | undefined {
  const [, kind, range] = /^random\.(uuid|int|long)((?:\(|\[).*[)\]])?$/.exec(key) ?? []
  switch (kind) {
    case 'uuid': return randomUUID()
    case 'int': return range === undefined ? String(randomBytes(4).readInt32BE()) : inRange(range)
    case 'long': return range === undefined ? String(randomBytes(8).readBigInt64BE()) : inRange(range)
    default: return /^random\.(?:uuid|int|long|.*:)/.test(key) ? undefined : randomBytes(16).toString('hex')
  }
}

function inRange (range: string): string | undefined {
  const [first, second] = range.slice(1, -1).split(',').map(part => Number(part.trim()))
  const [from, below] = second === undefined ? [0, first] : [first, second]
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(below)) return undefined
  const width = (below as number) - (from as number)
  return width > 0 && width < 2 ** 48 ? String(randomInt(from as number, below as number)) : undefined
}
