/** `--only`: the services that are named, those of the groups that are, and all that these wait for. */
import type { StackFile } from './stack-file.ts'

/** All of them when nothing is named. */
export function chooseServices ({ services, groups }: StackFile, only: readonly string[]): string[] {
  if (only.length === 0) return [...services.keys()]
  const chosen = new Set(only.flatMap(name => groups.get(name) ?? [name]))
  // A set that grows while it is walked is walked to its end.
  for (const name of chosen) {
    for (const before of services.get(name)?.dependsOn ?? []) if (services.has(before)) chosen.add(before)
  }
  return [...chosen]
}
