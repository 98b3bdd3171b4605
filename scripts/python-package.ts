/** Packages of PyPI that tests use: installed by name into a folder of the checkout, never into the machine. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'

const CACHE = path.join(import.meta.dirname, '..', 'node_modules', '.cache', 'breakwater')
const INSTALL_TIMEOUT_MS = 180_000

export interface PythonPackage {
  /** For the process that runs Python: with it the package is found. */
  readonly env: NodeJS.ProcessEnv
  /** Of a test that needs the package: why it cannot run, or false. */
  readonly skip: string | false
}

/** `requirement` as pip reads it, with its exact version; `module` is the folder that it brings. */
export async function pythonPackage (requirement: string, module: string): Promise<PythonPackage> {
  const folder = path.join(CACHE, requirement)
  const env = { ...process.env, PYTHONPATH: folder }
  try {
    if (!existsSync(path.join(folder, module))) await install(requirement, folder)
    return { env, skip: false }
  } catch (failure) {
    return { env, skip: `Python or ${requirement} is not at hand: ${(failure as Error).message.split('\n')[0]}` }
  }
}

/** Whole or not at all: a run that is ended meanwhile must not leave half a package to the next. */
async function install (requirement: string, folder: string): Promise<void> {
  const half = `${folder}.${process.pid}`
  try {
    await promisify(execFile)('python3', ['-m', 'pip', 'install', '--quiet', '--target', half, requirement],
      { timeout: INSTALL_TIMEOUT_MS })
    await rm(folder, { recursive: true, force: true })
    await rename(half, folder)
  } finally {
    await rm(half, { recursive: true, force: true })
  }
}
