/** The environment every process of the stack starts with. */

/**
 * Node keeps what it compiled (and the types it stripped) in a folder: the second start of the stack takes about two
 * thirds of the first one's time. A folder that cannot be written is ignored by Node.
 */
export function childEnv (
  env: Readonly<Record<string, string | undefined>>, profile: string, cacheFolder: string
): Record<string, string | undefined> {
  return { NODE_COMPILE_CACHE: cacheFolder, ...env, PROFILE: profile }
}
