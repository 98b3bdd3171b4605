/**
 * All sources merged into one flat map, as the flat formats show it: the highest source wins a key, and wins a list
 * whole, so that a shorter list does not keep the tail of a longer one.
 */
import type { PropertySource, Scalar } from '@breakwater/starter/settings'

/** Effective values by flat key: plain keys in the order of their first appearance, then the lists. */
export type FlatProperties = ReadonlyMap<string, Scalar>

/** Merges from the lowest source to the highest; `spring.profiles` is left out, as in Spring. */
export function flatten (sources: readonly PropertySource[]): FlatProperties {
  const merge = { plain: new Map<string, Scalar>(), groups: new Map<string, Map<string, Scalar>>() }
  for (const source of sources.toReversed()) addSource(merge, source)
  merge.plain.delete('spring.profiles')
  return new Map([...merge.plain, ...[...merge.groups.values()].flatMap(group => [...group])])
}

interface Merge {
  readonly plain: Map<string, Scalar>
  readonly groups: Map<string, Map<string, Scalar>>
}

function addSource (merge: Merge, source: PropertySource): void {
  const own = new Map<string, Map<string, Scalar>>()
  const plain: string[] = []
  for (const [key, { value }] of source.properties) {
    const bracket = key.indexOf('[')
    if (bracket < 0) plain.push(key)
    else groupOf(own, key.slice(0, bracket)).set(key, value)
  }
  dropReplaced(merge, plain, own)
  for (const key of plain) merge.plain.set(key, source.properties.get(key)!.value)
  for (const [stem, group] of own) merge.groups.set(stem, group)
}

function groupOf (groups: Map<string, Map<string, Scalar>>, stem: string): Map<string, Scalar> {
  const group = groups.get(stem) ?? new Map<string, Scalar>()
  groups.set(stem, group)
  return group
}

// A list above a scalar or a map, or one of these above a list, replaces it whole (Spring answers 500 to such a pair).
function dropReplaced (merge: Merge, plain: readonly string[], own: ReadonlyMap<string, Map<string, Scalar>>): void {
  for (const key of plain) {
    for (const stem of prefixesOf(key)) {
      if (isList(merge.groups.get(stem), stem)) merge.groups.delete(stem)
    }
  }
  for (const [stem, group] of own) {
    if (!isList(group, stem)) continue
    for (const key of merge.plain.keys()) {
      if (key === stem || key.startsWith(`${stem}.`)) merge.plain.delete(key)
    }
    for (const other of merge.groups.keys()) {
      if (other.startsWith(`${stem}.`)) merge.groups.delete(other)
    }
  }
}

function prefixesOf (key: string): string[] {
  const prefixes = [key]
  for (let dot = key.lastIndexOf('.'); dot > 0; dot = key.lastIndexOf('.', dot - 1)) prefixes.push(key.slice(0, dot))
  return prefixes
}

function isList (group: ReadonlyMap<string, Scalar> | undefined, stem: string): boolean {
  if (group === undefined) return false
  for (const key of group.keys()) if (/^\[\d+\]/.test(key.slice(stem.length))) return true
  return false
}
