/** CRC-32 of a whole from those of its parts, as zlib's `crc32_combine`: an unchanged part is never read again. */

const POLYNOMIAL = 0xedb88320
const ONE = 0x80000000
/** x to the power of 2^i, for every i that a length in bits may have. */
const SQUARES = squares()

/** The CRC of two pieces in a row; `length` is that of the second, in bytes. */
export function combineCrc (first: number, second: number, length: number): number {
  return (multiply(powerOfBytes(length), first) ^ second) >>> 0
}

/** The product of two polynomials, most significant term in the lowest bit, modulo the CRC's own. */
function multiply (a: number, b: number): number {
  let product = 0
  let factor = b
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= factor
    factor = (factor & 1) === 0 ? factor >>> 1 : (factor >>> 1) ^ POLYNOMIAL
  }
  return product >>> 0
}

/** x to the power of eight times `length`. */
function powerOfBytes (length: number): number {
  let power = ONE
  for (let rest = length, i = 3; rest > 0; rest = Math.floor(rest / 2), i++) {
    if (rest % 2 === 1) power = multiply(SQUARES[i % 32]!, power)
  }
  return power
}

function squares (): Uint32Array {
  const table = new Uint32Array(32)
  let power = ONE >>> 1
  for (let i = 0; i < 32; i++) {
    table[i] = power
    power = multiply(power, power)
  }
  return table
}
