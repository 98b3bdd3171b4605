/** Spring's text of a filter for /actuator/gateway/routes: `[AddRequestHeader X-A = 'b']`. */

/** Pairs become `name = value`, text values in single quotes. */
export function filterText (name: string, ...pairs: ReadonlyArray<readonly [key: string, value: unknown]>): string {
  const parts = pairs.map(([key, value]) => `${key} = ${typeof value === 'string' ? `'${value}'` : String(value)}`)
  return `[${[name, parts.join(', ')].filter(Boolean).join(' ')}]`
}
