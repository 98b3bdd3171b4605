/** Packages that only some settings ask for: who installs us gets none of them unasked. */
import { starterError } from './starter-errors.ts'

const MISSING = /Cannot find package '([^']+)'/

/**
 * Loads code that imports such a package. Throws E_PACKAGE_MISSING when it is not installed; `need` is what asks for
 * it, a setting or a profile.
 */
export async function withPackage<Module> (need: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load()
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const missing = code === 'ERR_MODULE_NOT_FOUND' ? MISSING.exec(message)?.[1] : undefined
    throw missing === undefined ? cause : starterError('E_PACKAGE_MISSING', [need, missing, missing], { cause })
  }
}
