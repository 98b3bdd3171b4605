/** Four bytes at a time or one by one: a field value ends at the same place. */
import fc from 'fast-check'
import { test } from 'tap'
import { FIELD_VALUE } from '../http1/characters.ts'
import { endOfFieldValue, viewOf } from '../http1/field-value.ts'

function oneByOne (bytes: Uint8Array, at: number): number {
  let end = at
  while (FIELD_VALUE[bytes[end]!] === 1) end++
  return end
}

/** Mostly text, with what decides strewn in: the borders of the classes. */
const byte = fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 32, max: 126 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 8, 9, 10, 13, 31, 32, 126, 127, 128, 159, 160, 254, 255) })

test('a field value ends at the same place however it is read', (t) => {
  fc.assert(fc.property(fc.array(byte, { maxLength: 40 }), fc.nat(7), fc.nat(7), (values, before, at) => {
    const whole = Uint8Array.from([...Array.from({ length: before }, () => 65), ...values, 13])
    const bytes = whole.subarray(before)
    const from = Math.min(at, values.length)
    return endOfFieldValue(bytes, viewOf(bytes), from) === oneByOne(bytes, from)
  }), { numRuns: 20_000 })
  const open = Buffer.from('no line end')
  t.equal(endOfFieldValue(open, viewOf(open), 0), 11, 'nor is anything read behind the end')
  t.end()
})
