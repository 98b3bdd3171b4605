/** Who calls, and what that caller may do. */

/** Each includes the ones before it: who may write may read. */
export const ROLES = ['read', 'write', 'admin'] as const
export type Role = typeof ROLES[number]

export interface Principal {
  /** User name, token subject, certificate's common name; `local` where nobody is asked. */
  readonly name: string
  /** The highest role, or undefined for a known caller without any. */
  readonly role: Role | undefined
  /** The services that a token binds its bearer to, in lower case; undefined: it binds to none in particular. */
  readonly applications?: readonly string[] | undefined
}

/** Whether the principal may do what `needed` stands for. */
export function may ({ role }: Principal, needed: Role): boolean {
  return role !== undefined && ROLES.indexOf(role) >= ROLES.indexOf(needed)
}

/** The highest role among words: `read`, `ROLE_ADMIN`, `breakwater:write`, as Spring and OAuth scopes spell them. */
export function highestRole (words: readonly string[]): Role | undefined {
  const plain = new Set(words.map(word => word.toLowerCase().replace(/^role_|^scope_|^breakwater[:.]/, '')))
  return ROLES.toReversed().find(role => plain.has(role))
}
