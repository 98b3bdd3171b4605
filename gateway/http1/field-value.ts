/** Finds the end of a field value four bytes at a time: nearly all bytes of a head are values. */
import { FIELD_VALUE } from './characters.ts'

/** Of the buffer looked at last, which is nearly always the one that all sockets of the event loop read into. */
let view = new DataView<ArrayBufferLike>(new ArrayBuffer(0))

/** The memory that `bytes` is a part of, to be read four bytes at a time; to be asked for once a head. */
export function viewOf (bytes: Uint8Array): DataView {
  if (view.buffer !== bytes.buffer) view = new DataView(bytes.buffer)
  return view
}

/** Position of the first byte from `at` on that no field value may hold; the line's CR when all is well. */
export function endOfFieldValue (bytes: Uint8Array, memory: DataView, at: number): number {
  const offset = bytes.byteOffset
  const last = offset + bytes.length - 4
  let from = at + offset
  while (from <= last && !holdsControl(memory.getInt32(from, true))) from += 4
  let end = from - offset
  while (FIELD_VALUE[bytes[end]!] === 1) end++
  return end
}

/** One of the four bytes is below 32, or is 127: the subtraction borrows into the top bit of those alone. */
function holdsControl (four: number): boolean {
  const against127 = four ^ 0x7f7f7f7f
  return ((((four - 0x20202020) & ~four) | ((against127 - 0x01010101) & ~against127)) & 0x80808080) !== 0
}
