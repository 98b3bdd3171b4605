/** What a message's row is checked by, when it comes back from the disk. */
import { crc32 } from 'node:zlib'

/** All of a row that anybody acts on. */
export interface Content {
  readonly queue: string
  readonly grp: string
  readonly id: string
  readonly type: string
  readonly body: string
}

/** `bodyCrc`: of the body, where somebody has it already. */
export function checksum ({ queue, grp, id, type, body }: Content, bodyCrc = crc32(body)): number {
  return crc32(JSON.stringify([queue, grp, id, type]), bodyCrc)
}

/** A row of an older version has none, and is believed. */
export function isWhole (row: Content & { readonly crc: number | null }): boolean {
  return row.crc === null || row.crc === checksum(row)
}
