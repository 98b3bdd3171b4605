import type { Change } from '../registry/change-log.ts'
import type { Instance } from '../registry/instance.ts'
import { namesOf } from '../registry/vips.ts'

/** Which applications and virtual addresses somebody wants to hear of, in upper case; undefined is everything. */
export type Interest = ReadonlySet<string> | undefined

export function isWanted (instance: Instance, interest: Interest): boolean {
  return interest === undefined || namesOf(instance).some(name => interest.has(name))
}

/** What a reader hears of the changes; of what has left the names that it follows, that it is gone. */
export function wanted (changes: readonly Change[], interest: Interest): readonly Change[] {
  if (interest === undefined) return changes
  return changes.flatMap(change => {
    if (isWanted(change.instance, interest)) return [change]
    const hasLeft = change.left !== undefined && !interest.isDisjointFrom(change.left)
    return hasLeft ? [{ ...change, instance: { ...change.instance, action: 'DELETED' as const } }] : []
  })
}
