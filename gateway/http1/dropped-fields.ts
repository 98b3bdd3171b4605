/** Fields that the configuration takes out both ways (`filter.remove-hop-by-hop.headers` beyond the RFC's own). */
import { type HeaderLines, PRIVATE } from './header-lines.ts'

export class DroppedFields {
  private readonly names: readonly string[]
  /** Which lengths occur among the names: nearly every line is dismissed by this alone. */
  private readonly lengths = new Uint8Array(256)

  constructor (names: readonly string[]) {
    this.names = names.map((name) => name.toLowerCase())
    for (const name of this.names) this.lengths[Math.min(name.length, 255)] = 1
  }

  markIn (lines: HeaderLines): void {
    if (this.names.length === 0) return
    for (let line = 0; line < lines.count; line++) {
      const length = lines.nameEnd[line]! - lines.lineStart[line]!
      if (this.lengths[length & 255] === 1 && this.names.some((name) => lines.isNamed(line, name))) {
        lines.fate[line] = PRIVATE
      }
    }
  }
}
