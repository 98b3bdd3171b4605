/** What a stack file may write in several ways, as one. */
import { resolve } from 'node:path'

export type TextOrList = string | readonly string[] | undefined
export type Texts = Readonly<Record<string, string | number | boolean>>

export function listOf (value: TextOrList): string[] {
  return value === undefined ? [] : typeof value === 'string' ? [value] : [...value]
}

export function textsOf (values: Texts = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]))
}

/** A path of the file, from its folder; undefined stays undefined. */
export function pathFrom (root: string, path: string | undefined): string | undefined {
  return path === undefined ? undefined : resolve(root, path)
}
