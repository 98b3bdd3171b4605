/** The environment every process of the stack starts with. */
import path from 'node:path'

/**
 * Node keeps what it compiled (and the types it stripped) in a folder of the checkout: the second start of the stack
 * takes about two thirds of the first one's time. A folder that cannot be written is ignored by Node.
 */
export function childEnv (
  env: Readonly<Record<string, string | undefined>>, profile: string, root: string
): Record<string, string | undefined> {
  return { NODE_COMPILE_CACHE: path.join(root, 'node_modules/.cache/breakwater'), ...env, PROFILE: profile }
}
